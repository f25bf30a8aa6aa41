/** For an option that may be given again and again: what it had before, and this. Undefined, and no default in the help, where it is not given. */
export function again(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
