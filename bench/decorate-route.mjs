import { Get } from '@nestjs/common';

/**
 * Makes a method of a controller a GET route. JavaScript has no decorators yet: this does what TypeScript would make of them.
 * @param {Function} controller
 * @param {string} name of the method.
 * @param {object} route
 * @param {string} [route.path] by default the method's name.
 * @param {readonly ParameterDecorator[]} [route.parameters] the decorators of its parameters, from the first on.
 */
export function decorateRoute(controller, name, { path = name, parameters = [] }) {
  const { prototype } = controller;
  const method = Object.getOwnPropertyDescriptor(prototype, name);
  if (method === undefined) throw new TypeError(`${controller.name} has no method ${name}.`);
  Get(path)(prototype, name, method);
  for (const [index, decorate] of parameters.entries()) decorate(prototype, name, index);
}
