/** The value as an error message shows it, so that the reader finds it in the configuration. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
