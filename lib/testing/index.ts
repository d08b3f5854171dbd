export { describeSessionStore, type SessionStoreSetup, type TestRunner } from './describe-session-store.js';
export { fakeSession, type FakeSessionOptions } from './fake-session.js';
export { signIn, signInState, type SignInOptions, type SignedInCookie, type SignedInState } from './sign-in.js';
export type { NestContext } from './login.js';
