/** How long after a sign-in the password is not asked for again: `FRESH_SIGN_IN=10s` shows the question sooner. */
export const FRESHNESS = process.env['FRESH_SIGN_IN'] ?? '1m';
