const LANGUAGE = navigator.languages.find((language) => language.startsWith('en')) ?? 'en';

const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });
const day = new Intl.DateTimeFormat(LANGUAGE, { day: 'numeric', month: 'short' });
const hour = new Intl.DateTimeFormat(LANGUAGE, { hour: 'numeric', minute: '2-digit' });
const exact = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'long', timeStyle: 'short' });

/** Days that have a name, and a time beside it. */
const NEAR_DAYS = [-1, 0, 1];

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

function since(date) {
  const seconds = Math.max(0, (Date.now() - date.getTime()) / 1000);
  const unit = UNITS.find(([, length]) => seconds >= length);
  return unit === undefined ? 'just now' : relative.format(-Math.floor(seconds / unit[1]), unit[0]);
}

function dateOf(date) {
  const midnight = (of) => new Date(of).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(date) - midnight(Date.now())) / 86_400_000);
  return NEAR_DAYS.includes(days) ? `${relative.format(days, 'day')} at ${hour.format(date)}` : day.format(date);
}

/** Shows a date: by its name and with the time if it is near. */
export function showDate(time, iso) {
  const date = new Date(iso);
  time.dateTime = iso;
  time.title = exact.format(date);
  time.textContent = dateOf(date);
}

/** Shows how long ago that was, and goes on doing so. */
export function showAge(time, iso) {
  const date = new Date(iso);
  time.dateTime = iso;
  time.title = exact.format(date);
  time.dataset.age = '';
  time.textContent = since(date);
}

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-age]')) {
    const text = since(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}, 5_000);
