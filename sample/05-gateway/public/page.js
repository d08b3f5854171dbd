// socket.io serves its own client.
import { io } from './socket.io/socket.io.esm.min.js';

const byId = (id) => document.getElementById(id);

/** Why the server has closed the socket, in the words of this page. */
const ENDINGS = {
  destroyed: 'You have signed out in another tab, so this one was closed too.',
  expired: 'Your session has expired. Sign in again.',
  revoked: 'Your session has ended. Sign in again.',
};

/** The socket of this tab, while somebody is signed in. */
let socket;

function post(path, body = {}) {
  const headers = { 'content-type': 'application/json' };
  return fetch(`/api/account/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

function show({ user, said }, notice = '') {
  const isSignedIn = user !== null;
  byId('who').textContent = isSignedIn ? `Signed in as ${user}` : 'Signed out';
  byId('sign-out').hidden = !isSignedIn;
  byId('sign-in').hidden = isSignedIn;
  byId('chat').hidden = !isSignedIn;
  byId('notice').textContent = notice;
  if (isSignedIn) count(said);
  byId(isSignedIn ? 'text' : 'name').focus();
}

function count(said) {
  byId('said').textContent = `Messages of your session, from all of your tabs: ${said}`;
}

function add({ from, text }) {
  const name = document.createElement('b');
  name.textContent = from;
  const item = document.createElement('li');
  item.append(name, ' ', text);
  byId('messages').append(item);
  item.scrollIntoView({ block: 'nearest' });
}

function connect() {
  let ending;
  // Without polling: a poll that is under way when the server closes the connection fails with a 400.
  socket = io({ transports: ['websocket'] });
  socket.on('latest', (messages) => {
    byId('messages').replaceChildren();
    messages.forEach(add);
  });
  socket.on('said', add);
  socket.on('exception', ({ reason, message }) => {
    ending = reason;
    if (reason === undefined) byId('notice').textContent = message;
  });
  socket.on('disconnect', (why) => {
    if (why !== 'io server disconnect') return; // a lost connection: socket.io comes back by itself
    // A login in another tab: its response, which brings the new cookie, may still be on its way.
    if (ending === 'regenerated') setTimeout(() => void begin(), 1000);
    else leave(ENDINGS[ending] ?? 'You are signed out.');
  });
}

function leave(notice) {
  socket?.off().disconnect();
  socket = undefined;
  byId('messages').replaceChildren();
  show({ user: null }, notice);
}

/** Shows what the session of this browser says, and connects if somebody is signed in. */
async function begin() {
  socket?.off().disconnect();
  const account = await (await fetch('/api/account')).json();
  show(account);
  if (account.user !== null) connect();
}

async function signIn() {
  await post('sign-in', { name: byId('name').value });
  await begin();
}

async function signOut() {
  // This tab knows why it is closed.
  socket?.off();
  await post('sign-out');
  leave('You have signed out.');
}

async function say() {
  const { value } = byId('text');
  byId('text').value = '';
  const { said } = await socket.emitWithAck('say', value);
  count(said);
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  void signIn();
});

byId('say').addEventListener('submit', (event) => {
  event.preventDefault();
  void say();
});

byId('sign-out').addEventListener('click', () => void signOut());

await begin();
