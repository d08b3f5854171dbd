import { api } from './api.js';
import { withFreshSignIn } from './confirm.js';
import { $, act, leave, openPage, refresh, tell } from './frame.js';
import { rowsOf } from './rows.js';
import { showAge } from './times.js';

let me;

const showRows = rowsOf($('users'), $('user'), showUser);

function showUser(row, user) {
  const part = (name) => row.querySelector(`.${name}`);
  const isMe = user.id === me.id;
  part('avatar').textContent = user.name[0];
  part('name').textContent = user.name;
  part('chip').textContent = isMe ? 'You' : 'Administrator';
  part('chip').hidden = !user.isAdministrator;
  part('sessions').textContent = user.sessions === 0 ? 'Not signed in' : `${counted(user.sessions)}, last used`;
  part('seen').hidden = user.sessions === 0;
  if (user.seenAt !== null) showAge(part('seen'), user.seenAt);
  const end = part('end');
  end.hidden = user.sessions === 0;
  end.setAttribute('aria-label', `End the sessions of ${user.name}`);
  end.onclick = () => act(() => endSessions(user, isMe));
}

function counted(sessions) {
  return `${sessions} session${sessions === 1 ? '' : 's'}`;
}

function show(users, account) {
  me = account;
  showRows(users, ({ id }) => id);
  const total = users.reduce((sum, { sessions }) => sum + sessions, 0);
  $('summary').textContent = `${counted(total)} of ${users.length} users.`;
}

/* What the administrator does */

async function endSessions({ id, name }, isMe) {
  const result = await withFreshSignIn('End sessions', () => api('POST', `users/${id}/end`));
  if (result === undefined) return;
  if (isMe) return leave('You have ended all of your sessions.');
  await refresh();
  tell(`${counted(result.ended)} of ${name} ended.`);
}

async function endEverybody() {
  const result = await withFreshSignIn('Sign everybody out', async () => {
    await api('POST', 'users/end-everybody');
    return true;
  });
  if (result) leave('Everybody is signed out, you too.');
}

$('end-everybody').addEventListener('click', () => act(endEverybody));

openPage({ path: 'users', show, isForAdministrators: true });
