import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import { decorateRoute } from '../decorate-route.mjs';

/**
 * @typedef {'express' | 'fastify'} Platform
 * @typedef {import('@nestjs/common').INestApplication} Application
 * @typedef {object} Surroundings
 * @property {Platform} platform
 * @property {string} redisUrl
 * @property {readonly number[]} clusterPorts of a Redis Cluster on this machine, which then takes the place of `redisUrl`.
 */

/**
 * A Nest application of one controller.
 * @param {object} parts
 * @param {Platform} parts.platform
 * @param {Function} parts.controller
 * @param {Readonly<Record<string, Parameters<typeof decorateRoute>[2]>>} parts.routes by the name of their method.
 * @param {readonly import('@nestjs/common').DynamicModule[]} [parts.imports]
 * @returns {Promise<Application>}
 */
export async function nestApplication({ platform, controller, routes, imports = [] }) {
  for (const [method, route] of Object.entries(routes)) decorateRoute(controller, method, route);
  Controller()(controller);
  class AppModule {}
  Module({ controllers: [/** @type {any} */ (controller)], imports: [...imports] })(AppModule);
  const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  return NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false });
}
