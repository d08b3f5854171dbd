import { readFileSync } from 'node:fs';

/** The cores that this process may run on. */
export const allowedCores = parsed(
  /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0',
);

const [first = 0, second = first, third = second] = allowedCores;

/** Which core does what: the server has the first for itself. Redis and the load generator share the second where there is no third. */
export const cores = { server: first, redis: second, load: third };

/**
 * A command that runs on that core alone.
 * @param {number} core
 * @param {readonly string[]} command
 */
export function pinned(core, command) {
  return ['taskset', '-c', String(core), ...command];
}

/** @param {string} list such as `0-1,4`. */
function parsed(list) {
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}
