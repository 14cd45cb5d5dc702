// What importing a script gives: its text.
declare module "*.lua" {
  const text: string;
  export default text;
}
