"""The Quart application: the same routes as in ../session.controller.ts, on the same sessions."""

import os
from datetime import datetime, timezone

from quart import Quart, jsonify, session
from shared_sessions import SharedSessions

app = Quart(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "a secret for a sample and for nothing else")
# With Quart-Session from PyPI, on Quart before 0.20:
# app.config.update(SESSION_TYPE="redis", SESSION_USE_SIGNER=True); Session(app)
app.session_interface = SharedSessions(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))

PAGE = f"http://localhost:{os.environ.get('PORT', '3000')}"


@app.get("/api/session")
async def get_session():
    seen = [[key, repr(value)] for key, value in session.items() if not key.startswith("_")]
    return jsonify({"seen": seen})


@app.post("/api/sign-in/<name>")
async def sign_in(name):
    session["user"] = name
    session["since"] = datetime.now(timezone.utc)
    return "", 204


@app.post("/api/cart/<item>")
async def add(item):
    session["cart"] = session.get("cart", []) + [(item, "Quart")]
    return "", 204


@app.post("/api/sign-out")
async def sign_out():
    session.clear()
    return "", 204


@app.after_request
async def allow_the_page(response):
    """The page comes from the NestJS application: another origin, but the same site, so the cookie travels."""
    response.headers["Access-Control-Allow-Origin"] = PAGE
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Vary"] = "Origin"
    return response


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("QUART_PORT", "5000")), debug=False)
