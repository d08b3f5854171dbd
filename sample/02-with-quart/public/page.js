const template = document.getElementById('controls');

/** One of the two applications, as the page shows it. */
class Side {
  constructor(name, origin) {
    this.origin = origin;
    this.element = document.getElementById(name);
    this.element.append(template.content.cloneNode(true));
    this.element.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault();
      const user = new FormData(event.target).get('name').trim();
      if (user !== '') void act(this, `sign-in/${encodeURIComponent(user)}`);
    });
    for (const button of this.element.querySelectorAll('[data-post]')) {
      button.addEventListener('click', () => void act(this, button.dataset.post));
    }
  }

  async request(path, options) {
    const response = await fetch(`${this.origin}/api/${path}`, { credentials: 'include', ...options });
    if (!response.ok) throw new Error(`${this.origin} answered ${response.status}.`);
    return response.status === 204 ? undefined : response.json();
  }

  async show() {
    const answer = await this.request('session');
    const entries = answer.seen.map(([key, text]) => [term('dt', key), term('dd', text)]);
    const list = this.element.querySelector('dl');
    list.replaceChildren(...(entries.length === 0 ? [term('dd', 'no session')] : entries.flat()));
    return answer;
  }

  problem(text) {
    const place = this.element.querySelector('.problem');
    place.hidden = text === undefined;
    place.textContent = text ?? '';
  }
}

function term(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

async function act(side, path) {
  await attempt(side, () => side.request(path, { method: 'POST' }));
  await showAll();
}

async function showAll() {
  const [answer] = await Promise.all(sides.map((side) => attempt(side, () => side.show())));
  document.getElementById('record').textContent = answer?.record ?? 'none';
}

async function attempt(side, task) {
  try {
    const answer = await task();
    side.problem(undefined);
    return answer;
  } catch {
    side.problem(`The application at ${side.origin} does not answer.`);
    return undefined;
  }
}

const { port } = await (await fetch('api/quart')).json();
const sides = [
  new Side('nest', location.origin),
  new Side('quart', `${location.protocol}//${location.hostname}:${port}`),
];
await showAll();
