import { SessionConfigurationError } from '../session.errors.js';

/**
 * An optional driver, loaded only when a store that needs it is made.
 * @param name the package, as it is installed.
 * @throws {SessionConfigurationError} that says what to install.
 */
export async function loadDriver<Driver>(name: string, load: () => Promise<Driver>): Promise<Driver> {
  try {
    return await load();
  } catch (cause) {
    const message = `This store needs the driver "${name}", which cannot be loaded: npm i ${name}`;
    throw new SessionConfigurationError(message, { cause });
  }
}
