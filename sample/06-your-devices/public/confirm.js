// Asks for the password where the server wants a fresh sign-in, and then does what was asked for.
import { api } from './api.js';
import { $ } from './frame.js';

/**
 * @param label what is to be done, as its button says it.
 * @param work does it; the server may refuse it with a 403 until the password is confirmed.
 * @returns what it returns, or `undefined` if the person has changed their mind.
 */
export async function withFreshSignIn(label, work) {
  try {
    return await work();
  } catch (error) {
    if (error.code !== 'FRESH_SIGN_IN_REQUIRED') throw error;
  }
  return (await confirmed(label)) ? work() : undefined;
}

function confirmed(label) {
  const dialog = $('confirm');
  $('confirm-text').textContent = 'It has been a while since you gave your password. Enter it again to go on.';
  $('confirm-submit').textContent = label;
  $('confirm-problem').textContent = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'confirmed'), { once: true });
  });
}

$('confirm-cancel').addEventListener('click', () => $('confirm').close());
$('confirm').addEventListener('close', () => $('confirm-form').reset());
$('confirm-form').addEventListener('submit', (event) => {
  event.preventDefault(); // it closes once the server agrees
  void confirm(event.target);
});

async function confirm(form) {
  const { password } = form.elements;
  const buttons = form.querySelectorAll('button');
  for (const button of buttons) button.disabled = true;
  $('confirm-problem').textContent = '';
  password.removeAttribute('aria-invalid');
  try {
    await api('POST', 'account/confirm', { password: password.value });
    $('confirm').close('confirmed');
  } catch (error) {
    $('confirm-problem').textContent = error.message;
    password.setAttribute('aria-invalid', 'true');
    password.select();
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}
