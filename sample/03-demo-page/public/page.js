import { api } from './api.js';
import { Cart } from './cart.js';
import { since } from './since.js';

const $ = (id) => document.getElementById(id);

const REQUESTS = 20;
const cart = new Cart($('products'), $('total'));
const slots = Array.from({ length: REQUESTS }, (_, index) => {
  const slot = document.createElement('li');
  slot.textContent = String(index + 1);
  return slot;
});
$('slots').append(...slots);

let firstVisit;

/* What the page shows */

function showAccount({ user }) {
  $('account-unknown').hidden = true;
  $('sign-in').hidden = user !== null;
  $('signed-in').hidden = user === null;
  $('user').textContent = user?.name ?? '';
  $('avatar').textContent = [...(user?.name ?? '')][0]?.toUpperCase() ?? '';
}

function showVisits(answer) {
  firstVisit = answer.firstVisit === null ? undefined : new Date(answer.firstVisit);
  $('visits').textContent = String(answer.visits);
  showAge();
}

function showAge() {
  const time = $('first-visit');
  time.textContent = firstVisit === undefined ? 'none yet' : since(firstVisit);
  time.dateTime = firstVisit?.toISOString() ?? '';
  time.title = firstVisit?.toLocaleString() ?? '';
}

function showAbout({ store, isNew, key, record }) {
  $('store').textContent = store;
  $('state').dataset.state = isNew ? 'none' : 'stored';
  $('state').textContent = isNew ? 'no session' : 'session stored';
  $('is-new').textContent = isNew ? 'none yet' : 'stored';
  $('key').textContent = key ?? 'none yet';
  $('record').hidden = record === null;
  $('record').textContent = record === null ? '' : indented(record);
  $('record-note').textContent =
    record === null
      ? 'Nothing. Reading a session stores nothing; the first thing that is written to it does.'
      : `${new TextEncoder().encode(record).length} bytes of JSON under the key above, broken into lines here for reading. The keys with an underscore belong to the library.`;
  const command = key === null ? undefined : commandFor(store, key);
  $('command-note').hidden = command === undefined;
  $('command').textContent = command ?? '';
}

function commandFor(store, key) {
  if (store === 'redis') return `redis-cli GET '${key}'`;
  if (store === 'memcached') return `printf 'get ${key}\\r\\nquit\\r\\n' | nc localhost 11211`;
  return undefined;
}

/** One line for each key of the session. */
function indented(record) {
  try {
    const lines = Object.entries(JSON.parse(record)).map(
      ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    );
    return `{\n${lines.join(',\n')}\n}`;
  } catch {
    return record;
  }
}

function showSlots({ kept }) {
  slots.forEach((slot, index) => slot.toggleAttribute('data-kept', kept[index] === true));
}

async function refresh() {
  const paths = ['account', 'cart', 'visits', 'about', 'parallel'];
  const [account, lines, visits, about, parallel] = await Promise.all(paths.map((path) => api('GET', path)));
  showAccount(account);
  cart.show(lines);
  showVisits(visits);
  showAbout(about);
  showSlots(parallel);
  // The page may have come back after its session ended.
  if (!parallel.kept.includes(true)) $('outcome').textContent = '';
}

/* What the person does: one thing at a time, with every button disabled until the server has answered */

let running;
let again;

function act(work, onError = showProblem) {
  if (running !== undefined) return running;
  const focused = document.activeElement;
  const buttons = [...document.querySelectorAll('button')];
  for (const button of buttons) button.disabled = true;
  $('main').setAttribute('aria-busy', 'true');
  running = (async () => {
    try {
      await work();
      hideProblem();
    } catch (error) {
      again = () => act(work, onError);
      onError(error);
    } finally {
      running = undefined;
      $('main').removeAttribute('aria-busy');
      for (const button of buttons) button.disabled = false;
      if (document.activeElement === document.body) giveBackFocus(focused);
    }
  })();
  return running;
}

/** A button that is disabled loses the focus, and with it a keyboard its place; one that is gone leaves it to its neighbour. */
function giveBackFocus(element) {
  const heirs = [element, ...element.parentElement.querySelectorAll('button'), $('main')];
  heirs.find((heir) => heir.checkVisibility()).focus();
}

function showProblem(error) {
  $('problem-text').textContent = error.message;
  $('problem').hidden = false;
  if (error.status === 0 || error.status === 503) {
    $('state').dataset.state = 'down';
    $('state').textContent = 'no answer';
  }
}

function hideProblem() {
  $('problem').hidden = true;
  $('problem-text').textContent = '';
}

function load() {
  // Alone: a visitor's first requests would each start a session if they came together.
  return act(async () => {
    await api('POST', 'visits');
    await refresh();
  });
}

async function signIn(form) {
  const { name, password } = Object.fromEntries(new FormData(form));
  const problem = $('sign-in-problem');
  problem.textContent = '';
  form.elements.password.removeAttribute('aria-invalid');
  await act(
    async () => {
      await api('POST', 'account/sign-in', { name, password });
      form.reset();
      await refresh();
      $('user').focus();
    },
    (error) => {
      if (error.status !== 400 && error.status !== 401) return showProblem(error);
      hideProblem();
      problem.textContent = error.message;
      if (error.status === 401) form.elements.password.setAttribute('aria-invalid', 'true');
    },
  );
}

async function sendParallelRequests() {
  const outcome = $('outcome');
  outcome.textContent = 'Sending…';
  showSlots(await api('POST', 'parallel/start'));
  const requests = slots.flatMap((slot, index) => [
    api('POST', `parallel/slots/${index + 1}`),
    api('POST', 'parallel/counter'),
  ]);
  // Each has its answer before the result is asked for, also when one of them failed.
  const failed = (await Promise.allSettled(requests)).find(({ status }) => status === 'rejected');
  await refresh();
  const { kept, counter } = await api('GET', 'parallel');
  const count = kept.filter(Boolean).length;
  outcome.textContent = `${count} of ${REQUESTS} kept, and the counter says ${counter} of ${REQUESTS}.`;
  if (failed !== undefined) throw failed.reason;
}

cart.onChange((method, product) => act(() => api(method, `cart/${product}`).then(refresh)));
$('retry').addEventListener('click', () => again());
$('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  void signIn(event.target);
});
$('sign-out').addEventListener('click', () =>
  act(async () => {
    await api('POST', 'account/sign-out');
    location.assign('/signed-out.html');
  }),
);
$('run').addEventListener('click', () =>
  act(sendParallelRequests, (error) => {
    if ($('outcome').textContent === 'Sending…') $('outcome').textContent = '';
    showProblem(error);
  }),
);

/* The session may have ended while nobody looked: the back button shows the page as it was left, and there are other tabs */

addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void act(refresh);
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void act(refresh);
});
setInterval(showAge, 10_000);

void load();
