import { api } from './api.js';
import { withFreshSignIn } from './confirm.js';
import { $, act, leave, openPage, refresh, tell } from './frame.js';
import { rowsOf } from './rows.js';
import { showAge, showDate } from './times.js';

const showRows = rowsOf($('devices'), $('device'), showDevice);

function showDevice(row, device) {
  const part = (name) => row.querySelector(`.${name}`);
  part('picture').replaceChildren($(`picture-${device.kind}`).content.cloneNode(true));
  part('name').textContent = device.name;
  part('chip').hidden = !device.isCurrent;
  part('used-label').textContent = device.isCurrent ? 'In use now' : 'Last used';
  part('seen').hidden = device.isCurrent;
  showAge(part('seen'), device.seenAt);
  showDate(part('created'), device.createdAt);
  showDate(part('expires'), device.expiresAt);
  const end = part('end');
  end.hidden = device.isCurrent;
  end.setAttribute('aria-label', `Sign out ${device.name}`);
  end.onclick = () => act(() => endDevice(device));
}

/** The devices that the page has shown. */
let known;

function show(devices) {
  const added = devices.filter(({ handle, isCurrent }) => !isCurrent && known?.has(handle) === false);
  known = new Set(devices.map(({ handle }) => handle));
  if (added.length > 0) tell(`${added.map(({ name }) => name).join(', ')} has signed in.`);
  // This device first, then the others as they were last used.
  devices.sort((one, other) => Number(other.isCurrent) - Number(one.isCurrent));
  showRows(devices, ({ handle }) => handle);
  const others = devices.length - 1;
  $('summary').textContent =
    others === 0
      ? 'You are signed in on this device alone.'
      : `You are signed in on this device and ${counted(others, 'other')}.`;
  $('no-others').hidden = others > 0;
  $('end-others').hidden = others === 0;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/* What the person does */

async function endDevice({ handle, name }) {
  const { ended } = await api('DELETE', `devices/${handle}`);
  await refresh();
  tell(ended ? `${name} is signed out.` : `${name} was signed out already.`);
}

async function endOthers() {
  const result = await withFreshSignIn('Sign out the others', () => api('POST', 'devices/end-others'));
  if (result === undefined) return;
  await refresh();
  tell(`${counted(result.ended, 'other device')} signed out.`);
}

async function endAll() {
  const result = await withFreshSignIn('Sign out everywhere', () => api('POST', 'devices/end-all'));
  if (result !== undefined) leave('You are signed out everywhere, here too.');
}

async function changePassword(form) {
  const { current, next } = Object.fromEntries(new FormData(form));
  const problem = $('password-problem');
  problem.textContent = '';
  await act(
    async () => {
      const { ended } = await api('POST', 'account/password', { current, next });
      form.reset();
      await refresh();
      tell(`Your password is changed. ${counted(ended, 'other device')} signed out.`);
    },
    (error) => (problem.textContent = error.message),
  );
}

$('end-others').addEventListener('click', () => act(endOthers));
$('end-all').addEventListener('click', () => act(endAll));
$('password-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void changePassword(event.target);
});

openPage({ path: 'devices', show });
