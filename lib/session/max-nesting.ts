/**
 * How many levels of objects and arrays a value may have. Deeper ones are refused both ways, since a recursive walk would run out of
 * stack at a depth that nobody can foretell. Python's own reader gives up at a similar depth.
 */
export const MAX_NESTING = 500;
