import { Controller, Delete, Get, NotFoundException, Param, Post, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nest-session';

import type { DemoData } from './demo-data.js';

/** One product in the cart. */
export interface CartLine {
  readonly product: string;
  quantity: number;
}

const PRODUCTS = ['teapot', 'biscuits', 'lantern'];

@Controller('api/cart')
export class CartController {
  @Get()
  cart(@Session('cart') cart: CartLine[] = []) {
    return cart;
  }

  @Post(':product')
  add(@Session() session: Session<DemoData>, @Param('product') product: string) {
    if (!PRODUCTS.includes(product)) throw new NotFoundException('There is no such product.');
    session.cart ??= [];
    const line = session.cart.find((candidate) => candidate.product === product);
    if (line)
      line.quantity += 1; // a nested change is seen; no session.save(), no session.cart = session.cart
    else session.cart.push({ product, quantity: 1 });
    return session.cart;
  }

  @UseGuards(SessionGuard) // 401 without a stored session, which has no cart either
  @Delete(':product')
  remove(@Session() session: Session<DemoData>, @Param('product') product: string) {
    const line = session.cart?.find((candidate) => candidate.product === product);
    if (line) line.quantity -= 1;
    session.cart = session.cart?.filter(({ quantity }) => quantity > 0) ?? [];
    return session.cart;
  }
}
