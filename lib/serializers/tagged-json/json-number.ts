/** Whether the number's plain decimal form means the same number again to every reader: not so with -0, NaN and large integers. */
export function isPlainNumber(value: number): boolean {
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return isSafe && (value !== 0 || 1 / value > 0);
}

/**
 * The number as Python's `json` writes it. Without a point or an exponent a large number would be read as an integer, and so as
 * a `bigint`. NaN and the infinities are bare tokens, which strict JSON does not know.
 */
export function formatNumber(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (isPlainNumber(value) || !Number.isInteger(value)) return String(value);
  return Math.abs(value) < 1e16 ? `${value}.0` : value.toExponential();
}
