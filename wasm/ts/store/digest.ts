// A login's digest as a number, for the engine and for the walk.

/** Of hexadecimal digits, the 52 bits that a number holds with room to spare; of no digits, 0. */
export function digest(text: string): number {
  const value = Number.parseInt(text.slice(0, 13), 16);
  return Number.isNaN(value) ? 0 : value;
}
