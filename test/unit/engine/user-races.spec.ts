import { describe, expect, it } from 'vitest';

import type { OpenSession } from '../../../lib/engine/open-session.js';
import { everyCourse, someCourses, type Course, type Play } from '../../fixtures/interleaving.js';
import {
  endAll,
  endEverybody,
  request,
  signInAs,
  UserWorld,
  type Act,
  type Cookie,
  type WorldOptions,
} from '../../fixtures/user-world.js';

/** RACE_RUNS=20 goes through twenty times as many courses of events. */
const RUNS = Number(process.env.RACE_RUNS ?? 1);

/** How often actors are interrupted where every order is gone through. */
const INTERRUPTIONS = RUNS > 1 ? 3 : 2;

const TIMEOUT = 20_000 * Math.max(1, RUNS);

type Data = Record<string, unknown>;

/** Two sessions of Ada's on two devices, and one of a visitor. */
interface Browsers {
  readonly here: Cookie;
  readonly there: Cookie;
  readonly visitor: Cookie;
}

const change = (how: (live: Data, open: OpenSession) => unknown) => (cookie: Cookie) =>
  request(cookie, async (open) => how(open.live, open));

/** Ends sessions otherwise than by `endAll`. */
const ending =
  (act: Act): Act =>
  (world, process) => {
    world.endsOtherwise = true;
    return act(world, process);
  };

const regenerate =
  (keep: boolean | string[]) =>
  (cookie: Cookie): Act =>
  async (world, process) => {
    world.halfDone++;
    await request(cookie, async (open) => {
      await open.live.regenerate({ keep } as never);
      (open.live as Data).cart = 1;
    })(world, process);
    world.halfDone--;
  };

/** What actors do with the session of a device. */
const acts: Record<string, (browsers: Browsers) => Act> = {
  'sign in': () => signInAs(),
  'sign in without a new id': ({ visitor }) => signInAs('ada', { cookie: visitor, regenerates: false }),
  'sign in of a visitor': ({ visitor }) => signInAs('ada', { cookie: visitor }),
  'sign in again': ({ here }) => ending(signInAs('ada', { cookie: here })),
  'become another': ({ here }) => ending(signInAs('bob', { cookie: here, regenerates: false })),
  'regenerate and keep all': ({ here }) => regenerate(true)(here),
  'regenerate and keep the user': ({ here }) => regenerate(['user'])(here),
  'regenerate and keep nothing': ({ here }) => ending(regenerate(false)(here)),
  renew: ({ here }) => change((live) => (live as unknown as OpenSession['live']).touch())(here),
  write: ({ here }) => change((live) => (live.cart = 1))(here),
  update: ({ here }) => request(here, (open) => open.live.update((data) => void (data.n = 1))),
  'become another in an update': ({ here }) =>
    ending(request(here, (open) => open.live.update((data) => void (data.user = { id: 'bob' })))),
  'empty in an update': ({ here }) =>
    ending(request(here, (open) => open.live.update((data) => void delete data.user))),
  empty: ({ here }) => ending(change((live) => delete live.user)(here)),
  'become a visitor': ({ here }) =>
    ending(
      change((live) => {
        delete live.user;
        live.cart = 1;
      })(here),
    ),
  'log out': ({ here }) => ending(change((live) => (live as unknown as OpenSession['live']).destroy())(here)),
  'end all': () => endAll(),
  'end all others': ({ there }) => endAll('ada', there),
  'end all but the one': ({ here }) => endAll('ada', here),
  'end one': () =>
    ending(async (world, process) => {
      const [first] = await world.userSessions(process).list('ada');
      if (first !== undefined) await world.userSessions(process).end('ada', first.handle);
    }),
  'sign in with two cookies': ({ here, there, visitor }) =>
    ending(
      signInAs('ada', { cookie: visitor, open: () => ({ cookies: [visitor, here, there].map(({ id }) => id ?? '') }) }),
    ),
  'log out with two cookies': ({ here, there }) =>
    ending(
      request(
        here,
        (open) => open.live.destroy(),
        () => ({ cookies: [here, there].map(({ id }) => id ?? '') }),
      ),
    ),
  'come from another address': ({ here }) =>
    ending(
      request(
        here,
        () => undefined,
        () => ({ address: () => '192.0.2.1' }),
      ),
    ),
  'remember for a month': ({ here }) =>
    change((live) => (live as unknown as OpenSession['live']).remember('30d'))(here),
  'end everybody': () => endEverybody(),
  list: () => async (world, process) => void (await world.userSessions(process).list('ada')),
};

interface Setting extends WorldOptions {
  readonly sharesProcess?: boolean;
  /** By how many seconds the clock of each further machine is ahead of the one before it. */
  readonly clockAhead?: number;
}

/** Actors with these acts, after Ada has signed in on two devices. */
function actors(names: readonly string[], { sharesProcess, clockAhead = 0, ...options }: Setting = {}): Play {
  return async (course: Course) => {
    const world = new UserWorld(course, options);
    const browsers: Browsers = { here: {}, there: {}, visitor: {} };
    names.forEach((name, index) => {
      const act = acts[name];
      if (act === undefined) throw new Error(name);
      world.add(`${index} ${name}`, act(browsers), {
        clockAhead: index * clockAhead,
        ...(sharesProcess && { process: 'shared' }),
      });
    });
    await world.play(async () => {
      await signInAs('ada', { cookie: browsers.here })(world, 'before');
      await signInAs('ada', { cookie: browsers.there })(world, 'before');
      const visitor = await world.open('before', undefined);
      (visitor.live as Data).cart = 1;
      await visitor.commit();
      browsers.visitor.id = visitor.id;
    });
  };
}

const names = Object.keys(acts);

const settings: [string, Setting][] = [
  ['', {}],
  [' whose addresses are pinned', { session: { pinning: true, hashIds: false }, textVersions: true }],
  [' in one process', { sharesProcess: true, textVersions: true }],
  [' without tombstones', { session: { tombstones: false }, textVersions: true }],
  [' where Quart shares the records', { session: { wire: 'quart' } }],
  [' whose sessions are verified', { verify: true, generation: true }],
  [' while lists are evicted', { verify: true, evicts: true }],
  [' whose clocks differ', { clockAhead: 400, session: { sessionsPerUser: { max: 2 }, idleTimeout: '1m' } }],
  [
    ' whose clocks differ the other way',
    { clockAhead: -400, session: { sessionsPerUser: { max: 3 }, tombstones: false, idleTimeout: '1m' } },
  ],
  [' who may have two sessions', { session: { sessionsPerUser: { max: 2 } } }],
  [' who all move to another store', { migration: ['moves', 'moves', 'moves'] }],
  [
    ' who move to another store while some processes do not move them',
    { migration: ['moves', 'follows', 'moves'], textVersions: true },
  ],
  [
    ' who are about to move to another store, without tombstones',
    { migration: ['follows', 'moves', 'follows'], session: { tombstones: false } },
  ],
  [' who get no more than three sessions', { session: { sessionsPerUser: { max: 3, beyond: 'refuse' } } }],
];

/** Those whose every order is gone through in every run. */
const closest: [string, string][] = [
  ['sign in', 'sign in'],
  ['sign in', 'end all'],
  ['sign in of a visitor', 'end all others'],
  ['sign in without a new id', 'end all'],
  ['regenerate and keep all', 'end all'],
  ['become another', 'end everybody'],
  ['renew', 'end one'],
];

describe.each(settings)('sessions of users%s', (name, setting) => {
  it.each(closest)(
    'stay right in every order of the commands of %s and %s',
    async (one, other) => {
      // A move is many commands, so that there are many more orders.
      const interruptions = setting.migration === undefined ? INTERRUPTIONS : INTERRUPTIONS - 1;
      expect(await everyCourse(actors([one, other], setting), interruptions)).toBeGreaterThan(1);
    },
    TIMEOUT,
  );

  it.each(names)(
    'stay right when %s meets others, whatever goes wrong',
    async (one) => {
      const others = names.slice(names.indexOf(one));
      for (const [index, other] of others.entries()) {
        const seed = `${name} ${one} ${other}`;
        await someCourses(actors([one, other], { ...setting, mishaps: 2 }), { count: RUNS, seed });
        const third = names[(names.length - index) % names.length] ?? one;
        await someCourses(actors([one, other, third], { ...setting, mishaps: 1 }), { count: RUNS, seed });
      }
      expect(names).toContain(one);
    },
    TIMEOUT,
  );
});
