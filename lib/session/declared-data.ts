/**
 * What this application keeps in its sessions, declared once, in a module of yours:
 *
 * ```ts
 * declare module 'nest-session' {
 *   interface SessionData {
 *     user: User;
 *   }
 * }
 * ```
 *
 * `Session`, `SessionService.open()`, `@Session('user')` and the test kit then know these keys and no others. Any of them may be
 * missing in a session. Left empty, every key is allowed, and its value is `unknown`. `Session<Cart>` names other data for one
 * handler.
 */
export interface SessionData {}
