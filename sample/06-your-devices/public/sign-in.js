import { api } from './api.js';

const form = document.getElementById('sign-in');
const problem = document.getElementById('sign-in-problem');
const { name, password, remember } = form.elements;

async function signIn() {
  const button = form.querySelector('button');
  button.disabled = true;
  problem.textContent = '';
  for (const field of [name, password]) field.removeAttribute('aria-invalid');
  try {
    await api('POST', 'account/sign-in', { name: name.value, password: password.value, remember: remember.checked });
    location.replace('/');
  } catch (error) {
    problem.textContent = error.message;
    if (error.status === 401) for (const field of [name, password]) field.setAttribute('aria-invalid', 'true');
    password.select();
  } finally {
    button.disabled = false;
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void signIn();
});

document.getElementById('accounts').addEventListener('click', ({ target }) => {
  if (!(target instanceof HTMLButtonElement)) return;
  name.value = target.value;
  password.value = document.getElementById('first-password').textContent;
  form.querySelector('button').focus();
});

// Who is signed in already has no need of this page.
const { account } = await api('GET', 'account').catch(() => ({ account: null }));
if (account !== null) location.replace('/');
// Until here the browser itself would have sent the form.
form.querySelector('button').disabled = account !== null;
if (document.activeElement === document.body) name.focus();
