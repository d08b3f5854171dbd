/**
 * How many levels of objects and arrays a value may have. Deeper values are neither written nor read, because a recursive walk
 * would run out of stack at a depth that cannot be foretold. Python's own reader gives up at a similar depth.
 */
export const MAX_NESTING = 500;
