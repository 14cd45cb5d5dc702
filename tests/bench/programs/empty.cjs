// A CommonJS program that does nothing.
