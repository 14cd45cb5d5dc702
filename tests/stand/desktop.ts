// A desktop's keyring: the real gnome-keyring on a session bus of its own, unlocked with a password.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

const service = "org.freedesktop.secrets";
const defaultCollection = "/org/freedesktop/secrets/aliases/default";

/** How its parts are called on the bus, and of each: object, method, arguments. */
const calls = {
  isThere: [
    "org.freedesktop.DBus",
    "/org/freedesktop/DBus",
    "org.freedesktop.DBus.NameHasOwner",
    `string:${service}`,
  ],
  isLocked: [
    service,
    defaultCollection,
    "org.freedesktop.DBus.Properties.Get",
    "string:org.freedesktop.Secret.Collection",
    "string:Locked",
  ],
  lock: [
    service,
    "/org/freedesktop/secrets",
    "org.freedesktop.Secret.Service.Lock",
    `array:objpath:${defaultCollection}`,
  ],
} as const;

export class Desktop implements AsyncDisposable {
  /** What the programs of this session have in their environment. */
  readonly environment: Record<string, string>;
  readonly #processes: ChildProcess[] = [];

  private constructor(home: string) {
    this.environment = { PATH: process.env["PATH"] ?? "", HOME: home, XDG_RUNTIME_DIR: home };
  }

  /** Resolves when the keyring answers; it keeps its files in `home`, a private folder. */
  static async start(home: string): Promise<Desktop> {
    const desktop = new Desktop(home);
    try {
      await desktop.#startBus();
      await desktop.#startKeyring();
      return desktop;
    } catch (error) {
      await desktop[Symbol.asyncDispose]();
      throw error;
    }
  }

  async lock(): Promise<void> {
    if ((await this.#call("lock")) === undefined) throw new Error("the keyring refuses to be locked");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes.reverse()) {
      if (hasEnded(child)) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  async #startBus(): Promise<void> {
    const bus = this.#spawn("dbus-daemon", ["--session", "--nofork", "--print-address"]);
    const [address] = (await once(createInterface({ input: bus.stdout as never }), "line")) as [string];
    this.environment["DBUS_SESSION_BUS_ADDRESS"] = address;
  }

  /** Asked before it is there, the bus would start another one, which is locked. */
  async #startKeyring(): Promise<void> {
    const keyring = this.#spawn("gnome-keyring-daemon", ["--unlock", "--components=secrets", "--foreground"]);
    keyring.stdin?.end("password");
    const until = async (call: keyof typeof calls, answer: string) => {
      while (!(await this.#call(call))?.includes(answer))
        if (hasEnded(keyring)) throw new Error("gnome-keyring-daemon has ended");
    };
    await until("isThere", "boolean true");
    await until("isLocked", "boolean false");
  }

  /** What the bus answers; undefined for an error. */
  async #call(name: keyof typeof calls): Promise<string | undefined> {
    const [to, ...call] = calls[name];
    const child = spawn("dbus-send", ["--session", "--print-reply=literal", `--dest=${to}`, ...call], {
      env: this.environment,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [answer, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
    return code === 0 ? answer : undefined;
  }

  /** Ends with this process, whatever ends that: the bus is killed, and the keyring ends with its bus. */
  #spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], {
      env: this.environment,
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#processes.push(child);
    return child;
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
