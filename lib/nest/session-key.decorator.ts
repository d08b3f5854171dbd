/**
 * What `@Session('user')` returns: a parameter decorator that does not compile on a parameter whose type cannot take the value of
 * the key. TypeScript checks it where the key is one that `SessionData` declares, and no pipe makes something else of the value.
 * A parameter may leave out `undefined`, as behind a guard that lets none pass without the key.
 *
 * Where a parameter's type is that of a generic class, TypeScript cannot tell: there, take the whole session.
 */
export interface SessionKeyDecorator<Value> {
  // Under `experimentalDecorators` TypeScript infers the class, the name of the method and the index, all three as literal types.
  <Controller extends object, Method, Index extends number>(
    controller: Controller,
    method: Method,
    index: Index & Fit<Value, ParameterAt<Index, Controller, Method>>,
  ): void;
}

/** What the index of the parameter must be besides a number: anything, or else what no number is, so that the call is an error. */
type Fit<Value, Parameter> = unknown extends Value
  ? unknown
  : [Exclude<Value, undefined>] extends [Parameter]
    ? unknown
    : { readonly 'The session holds': Value };

/** The type of the parameter; `unknown`, which takes every value, in a private method or a constructor. */
type ParameterAt<Index, Controller, Method> = Method extends keyof Controller
  ? Controller[Method] extends (...args: infer Parameters) => unknown
    ? Index extends keyof Parameters
      ? Parameters[Index]
      : unknown
    : unknown
  : unknown;
