import { nestApplication } from './nest-application.mjs';

/**
 * Nest, and no session at all.
 * @param {import('./nest-application.mjs').Surroundings} surroundings
 */
export function bare({ platform }) {
  class Routes {
    plain() {
      return { n: 0 };
    }
  }
  return nestApplication({ platform, controller: Routes, routes: { plain: {} } });
}
