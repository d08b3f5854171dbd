// What the pages of signed-in users share: who is signed in, one request at a time, and the end of the session.
import { api } from './api.js';

export const $ = (id) => document.getElementById(id);

/** Why the server says that the session is over, in the words of these pages. */
const ENDINGS = {
  destroyed: 'Your session here was ended, from another device or tab or by an administrator.',
  revoked: 'Your session here was ended, from another device or tab or by an administrator.',
  expired: 'You have not used this page for long, so your session has expired.',
};

/** How long the response that brings a new cookie may take to arrive in another tab. */
const NEW_COOKIE_MS = 1_000;

let stream;
let hasLeft = false;

/* One thing at a time, with every button disabled until the server has answered */

let running;
let again;

/** Runs what a person has asked for. */
export function act(work, onError = showProblem) {
  running ??= run(work, onError).finally(() => (running = undefined));
  return running;
}

async function run(work, onError) {
  const focused = document.activeElement;
  const buttons = document.querySelectorAll('body > :not(dialog) button:enabled');
  for (const button of buttons) button.disabled = true;
  $('main').setAttribute('aria-busy', 'true');
  try {
    await work();
    hideProblem();
  } catch (error) {
    again = () => act(work, onError);
    if (error.status === 401) leave(ENDINGS.revoked);
    else onError(error);
  } finally {
    $('main').removeAttribute('aria-busy');
    for (const button of buttons) button.disabled = false;
    if (document.activeElement === document.body) giveBackFocus(focused);
  }
}

/** A button that is disabled loses the focus, and with it a keyboard its place; one that is gone leaves it to the page. */
function giveBackFocus(element) {
  [element, $('main')].find((heir) => heir.isConnected && heir.checkVisibility() && heir !== document.body)?.focus();
}

function showProblem(error) {
  $('problem-text').textContent = error.message;
  $('problem').hidden = false;
}

function hideProblem() {
  $('problem').hidden = true;
  $('problem-text').textContent = '';
}

/** Tells a person, and who listens to the page, what has happened. */
export function tell(text) {
  $('notice').textContent = text;
}

/* Who is signed in */

/**
 * Opens a page: sends a stranger to the sign-in, and shows the others what the page has.
 * @param refresh shows what the server says now; it is given the account.
 */
export function openPage(refresh) {
  const load = () =>
    act(async () => {
      const { account } = await api('GET', 'account');
      if (account === null) return location.replace('/sign-in');
      showAccount(account);
      await refresh(account);
      $('content').hidden = false;
      stream ??= watch(load);
    });
  // The session may have ended while nobody looked: the back button shows the page as it was left.
  addEventListener('pageshow', ({ persisted }) => persisted && void load());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && !hasLeft) void load();
  });
  $('retry').addEventListener('click', () => again());
  $('sign-out').addEventListener('click', () =>
    act(async () => {
      await api('POST', 'account/sign-out');
      leave('See you soon.');
    }),
  );
  return load();
}

function showAccount({ id, name, isAdministrator }) {
  $('person-name').textContent = name;
  $('avatar').textContent = name[0];
  $('person').hidden = false;
  $('pages').hidden = !isAdministrator;
  for (const field of document.querySelectorAll('[name=username]')) field.value = id;
}

/* The end of the session, wherever it comes from */

/** The server sends one event, at the end. An open stream is no use of the session, and keeps it no longer. */
function watch(load) {
  const source = new EventSource('/api/devices/ending');
  source.addEventListener('ended', ({ data }) => {
    stop();
    void ended(JSON.parse(data).reason, load);
  });
  source.addEventListener('error', () => {
    if (source.readyState !== EventSource.CLOSED) return; // a lost connection: the browser comes back by itself
    stop();
    void ended('revoked', load);
  });
  return source;
}

async function ended(reason, load) {
  await running; // what this tab has done itself
  if (hasLeft) return;
  if (reason in ENDINGS && reason !== 'revoked') return leave(ENDINGS[reason]);
  // A new id, as after a change of password in another tab: the response with its cookie may still be on its way.
  await new Promise((resolve) => setTimeout(resolve, NEW_COOKIE_MS));
  const { account } = await api('GET', 'account').catch(() => ({}));
  if (account === null) leave(ENDINGS.revoked);
  else await load();
}

function stop() {
  stream?.close();
  stream = undefined;
}

/** Takes what the page shows away, and says why. */
export function leave(why) {
  hasLeft = true;
  stop();
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  const farewell = $('farewell').content.cloneNode(true);
  farewell.querySelector('p').textContent = why;
  $('main').replaceChildren(farewell);
  for (const id of ['person', 'pages']) $(id).hidden = true;
  document.title = 'You are signed out';
  $('main').querySelector('h1').focus();
}
