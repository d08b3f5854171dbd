import { Param } from '@nestjs/common';

import { dataOf } from './session-data.mjs';

/** @typedef {import('./session-data.mjs').Data} Data */

/**
 * The controller of every application with a session library, which differ in nothing but the decorator of the session.
 * @param {() => ParameterDecorator} session gives the handler its session.
 */
export function sessionRoutes(session) {
  class Routes {
    plain() {
      return { n: 0 };
    }

    /** @param {Data} data */
    read({ n = 0 }) {
      return { n };
    }

    /** @param {Data} data */
    write(data) {
      data.n = (data.n ?? 0) + 1;
      return { n: data.n };
    }

    /** @param {Data} data @param {string} bytes */
    seed(data, bytes) {
      Object.assign(data, dataOf(Number(bytes)));
      return { n: 0 };
    }
  }
  const routes = {
    plain: {},
    read: { parameters: [session()] },
    write: { parameters: [session()] },
    seed: { path: 'seed/:bytes', parameters: [session(), Param('bytes')] },
  };
  return { controller: Routes, routes };
}
