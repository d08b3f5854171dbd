// What the pages of signed-in users share: who is signed in, one request at a time, and the end of the session.
import { api } from './api.js';

export const $ = (id) => document.getElementById(id);

/** Why the server says that the session is over, in the words of these pages. */
const ENDINGS = {
  'another-session': 'You have signed this device out from another one.',
  administrator: 'An administrator has ended your session.',
  logout: 'You have signed out in another tab.',
  expired: 'Your session has expired, as you have not used this page for long.',
  destroyed: 'Your session was ended from another device, or by an administrator.',
  revoked: 'Your session has ended.',
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
    if (!hasLeft) hideProblem();
  } catch (error) {
    again = () => act(work, onError);
    if (hasLeft) return;
    if (error.status === 401) leave(ENDINGS.revoked);
    else onError(error);
  } finally {
    $('main').removeAttribute('aria-busy');
    for (const button of buttons) button.disabled = false;
    if (focused !== document.body && isFocusLost()) giveBackFocus(focused);
  }
}

/** Whether nothing has it, or what was in a dialog that is closed by now. */
function isFocusLost() {
  const { activeElement } = document;
  return activeElement === document.body || !activeElement.checkVisibility();
}

/** A button that is disabled loses the focus, and with it a keyboard its place; one that is gone leaves it to the page. */
function giveBackFocus(element) {
  const heir = element.isConnected && element.checkVisibility() ? element : $('main');
  heir.focus({ preventScroll: true });
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

let page;
let me;
let refreshing = Promise.resolve();

/** Shows what the server says now. One at a time, so that the newest stays. */
export function refresh() {
  refreshing = refreshing
    .catch(() => {})
    .then(async () => {
      const content = await api('GET', page.path);
      if (!hasLeft) page.show(content, me);
    });
  return refreshing;
}

/**
 * Opens a page: sends a stranger to the sign-in, and shows the others what the page has.
 * @param opened what the page shows: the path of its content, a function that shows that and is given the account, too, and whether
 * it is for administrators alone.
 */
export function openPage(opened) {
  page = opened;
  // The session may have ended while nobody looked: the back button shows the page as it was left.
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted && hasLeft) location.reload();
    else if (persisted) void load();
  });
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
  void load();
}

function load() {
  return act(async () => {
    const { account } = await api('GET', 'account');
    if (account === null) return location.replace('/sign-in');
    if (page.isForAdministrators && !account.isAdministrator) return location.replace('/');
    showAccount(account);
    await refresh();
    $('content').hidden = false;
    stream ??= watch();
  });
}

function showAccount(account) {
  const { id, name, isAdministrator } = account;
  me = account;
  $('person-name').textContent = name;
  $('avatar').textContent = name[0];
  $('person').hidden = false;
  $('pages').hidden = !isAdministrator;
  for (const field of document.querySelectorAll('[name=username]')) field.value = id;
}

/* The end of the session, wherever it comes from */

/** An open stream is no use of the session, and keeps it no longer. */
function watch() {
  const source = new EventSource('/api/devices/news');
  source.addEventListener('changed', () => void catchUp());
  source.addEventListener('ended', ({ data }) => {
    stop();
    void ended(JSON.parse(data).why);
  });
  source.addEventListener('error', () => {
    if (source.readyState !== EventSource.CLOSED) return; // a lost connection: the browser comes back by itself
    stop();
    void ended('revoked');
  });
  return source;
}

/** Nobody waits for this: what fails here is seen when the page is used. */
async function catchUp() {
  await running;
  await refresh().catch(() => {});
}

async function ended(reason) {
  // What this tab has done itself comes first, unless it waits for a person.
  if (document.querySelector('dialog[open]') === null) await running;
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
