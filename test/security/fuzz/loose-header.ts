/**
 * Whether a `Cookie` header could be read, by a reader however lenient, as one that presents this value: under any name, quoted or
 * not, with any escapes. What even such a reader does not find there, the client did not present.
 */
export function presents(header: string, value: string): boolean {
  const unescaped = header.replace(/%([0-9a-f]{2})/gi, (_whole, code: string) =>
    String.fromCharCode(parseInt(code, 16)),
  );
  return [header, unescaped].some((text) => text.split(/[;,=\s"'\\]+/).some((piece) => piece === value));
}
