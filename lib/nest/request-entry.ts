import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import type { AnyRequest, AnyResponse } from '../http/any-request.js';
import { CurrentPlace } from './current-place.js';
import { pairOnFastify } from './fastify-pairing.js';

type Middleware = (request: AnyRequest, response: AnyResponse, next: () => void) => void;

/** Stands before everything else that a request runs through, the body parser and other middleware too. */
@Injectable()
export class RequestEntry {
  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(CurrentPlace) current: CurrentPlace) {
    // Fires when the adapter is there: at once in an application, later under @nestjs/testing, never without HTTP.
    host.init$.subscribe(() => {
      pairOnFastify(host, current);
      enterOnExpress(host, current);
    });
  }
}

/** Makes each request the current place. On Fastify the hook that pairs requests with their responses does it. */
function enterOnExpress({ httpAdapter }: HttpAdapterHost, current: CurrentPlace): void {
  if (!current.isOn || httpAdapter?.getType() !== 'express') return;
  const enter: Middleware = (request, response, next) => current.enter({ request, response }, next);
  httpAdapter.use(enter);
}
