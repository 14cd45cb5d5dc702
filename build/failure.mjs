// A failure that its message explains in full: shown without a stack.
export class Failure extends Error {}
