const PRODUCTS = [
  { id: 'teapot', title: 'Teapot', price: 24 },
  { id: 'biscuits', title: 'Biscuits', price: 4 },
  { id: 'lantern', title: 'Lantern', price: 38 },
];

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR', minimumFractionDigits: 0 });

/** The list of products with what is in the cart. Its elements stay the same, so that the focus stays where it is. */
export class Cart {
  #rows;
  #total;
  #change = () => {};

  constructor(list, total) {
    this.#rows = PRODUCTS.map((product) => this.#row(product));
    this.#total = total;
    list.append(...this.#rows.map(({ item }) => item));
  }

  /** The listener is given the method and the product's name in the API. */
  onChange(listener) {
    this.#change = listener;
  }

  show(lines) {
    let count = 0;
    let sum = 0;
    for (const { product, add, remove, quantity } of this.#rows) {
      const wanted = lines.find((line) => line.product === product.id)?.quantity ?? 0;
      count += wanted;
      sum += wanted * product.price;
      remove.hidden = wanted === 0;
      quantity.hidden = wanted === 0;
      quantity.textContent = String(wanted);
      add.textContent = wanted === 0 ? 'Add' : '+';
    }
    const items = count === 1 ? '1 item' : `${count} items`;
    this.#total.textContent = count === 0 ? 'The cart is empty.' : `${items}, ${euros.format(sum)}`;
  }

  #row(product) {
    const remove = this.#button('−', `Remove one ${product.title}`, () => this.#change('DELETE', product.id));
    const add = this.#button('Add', `Add one ${product.title}`, () => this.#change('POST', product.id));
    const quantity = element('span', 'quantity');
    remove.hidden = true;
    quantity.hidden = true;
    const stepper = element('span', 'stepper');
    stepper.append(remove, quantity, add);
    const title = element('span', 'title');
    title.append(
      product.title,
      ' ',
      Object.assign(element('span', 'price'), { textContent: euros.format(product.price) }),
    );
    const item = element('li', 'product');
    item.append(title, stepper);
    return { product, item, add, remove, quantity };
  }

  #button(text, label, onClick) {
    const button = Object.assign(element('button', 'plain'), { type: 'button', textContent: text });
    button.setAttribute('aria-label', label);
    button.addEventListener('click', onClick);
    return button;
  }
}

function element(name, className) {
  return Object.assign(document.createElement(name), { className });
}
