/** A value as an error message shows it, for a person to find it in the configuration. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
