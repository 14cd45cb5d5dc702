export interface Leak {
  readonly mark: string;
  readonly name: string;
  readonly at: number;
}
export const canaryMark: string;
export function fakeToken(name: string): string;
export function fakeNameOf(token: string | undefined): string | undefined;
export const standMark: string;
export function findLeaks(bytes: Buffer): Leak[];
export function findLeaksIn(folder: string): (Leak & { readonly file: string })[];
export function assertNoToken(text: string, what: string): void;
