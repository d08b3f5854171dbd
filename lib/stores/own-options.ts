import { SessionConfigurationError } from '../session.errors.js';

/** Options of drivers that look like a slip of the pen: `pg` takes a `Client` class, and `mongodb` the `crl` of its TLS. */
const OF_DRIVERS: readonly string[] = ['Client', 'crl'];

/**
 * Refuses what a store without a driver does not know: it would silently do nothing. Its value does not count: a slip is one
 * with `undefined`, too.
 * @param of the option of the module that these options are of.
 * @throws {SessionConfigurationError} when there is such an option.
 */
export function checkOwnOptions(of: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new SessionConfigurationError(`There is no option ${of}.${unknown}: write ${names.join(', ')}.`);
}

/**
 * Refuses a misspelt option that would go to a driver, which ignores what it does not know: a misspelt address leads to localhost. Only
 * what differs from one of the names by one slip is taken for misspelt. No option of the driver may do so. The value of the
 * option does not count: a slip is one with `undefined`, too.
 * @param of the option of the module that these options are of.
 * @throws {SessionConfigurationError} when there is such an option. Its value is not quoted, for it may hold a password.
 */
export function checkSpelling(of: string, options: object, names: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (names.includes(key) || OF_DRIVERS.includes(key)) continue;
    const meant = names.find((name) => isSlipOf(name, key));
    if (meant === undefined) continue;
    throw new SessionConfigurationError(`There is no option ${of}.${key}: write ${of}.${meant}.`);
  }
}

/**
 * Refuses what would do nothing beside a client. What is `undefined` passes, such as a `url` that the environment lacks. The values are
 * not quoted, for they may hold a password.
 * @param of the option of the module that these options are of.
 * @param options all but the client.
 * @param names of those that count beside one.
 * @throws {SessionConfigurationError} when there is another option.
 */
export function checkBesideClient(of: string, options: object, names: readonly string[]): void {
  const other = Object.entries(options).find(([name, value]) => value !== undefined && !names.includes(name));
  if (other === undefined) return;
  const remedy =
    names.length === 0 ? 'leave out one of them' : `write only ${names.join(', ')} there, or leave out client`;
  throw new SessionConfigurationError(`${of}.${other[0]} does nothing beside ${of}.client: ${remedy}.`);
}

/** Whether a key differs from the right name by its case, by one letter, or by two neighbours that changed places. */
function isSlipOf(rightName: string, key: string): boolean {
  const [name, typed] = [rightName.toLowerCase(), key.toLowerCase()];
  if (typed === name) return true;
  let at = 0;
  while (typed[at] === name[at]) at++;
  const swapped =
    typed[at] === name[at + 1] && typed[at + 1] === name[at] && typed.slice(at + 2) === name.slice(at + 2);
  const [rest, more] = [typed.slice(at), typed.slice(at + 1)];
  return swapped || more === name.slice(at + 1) || more === name.slice(at) || rest === name.slice(at + 1);
}
