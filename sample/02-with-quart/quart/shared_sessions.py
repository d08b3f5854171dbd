"""What Quart-Session does with Redis, in short, so that the sample needs nothing but Quart itself."""

from datetime import timedelta
from uuid import uuid4

import redis
from itsdangerous import BadSignature, Signer
from quart.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import CallbackDict

try:
    from quart.json.tag import TaggedJSONSerializer  # before 0.19
except ImportError:
    from flask.json.tag import TaggedJSONSerializer

LIFETIME = timedelta(days=31)


class SharedSession(CallbackDict, SessionMixin):
    def __init__(self, sid, data):
        def on_update(self):
            self.modified = True

        super().__init__(data, on_update)
        self.sid = sid
        self.modified = False


class SharedSessions(SessionInterface):
    serializer = TaggedJSONSerializer()

    def __init__(self, url):
        self.redis = redis.Redis.from_url(url)

    async def open_session(self, app, request):
        sid = self.unsign(app, request.cookies.get("session"))
        stored = self.redis.get(f"session:{sid}") if sid else None
        if stored is None:
            return SharedSession(str(uuid4()), {"_permanent": True})
        return SharedSession(sid, self.serializer.loads(stored.decode()))

    async def save_session(self, app, session, response):
        if not session.modified:
            return
        if not session:
            self.redis.delete(f"session:{session.sid}")
            response.delete_cookie("session")
            return
        self.redis.setex(f"session:{session.sid}", LIFETIME, self.serializer.dumps(dict(session)))
        value = self.signer(app).sign(session.sid).decode()
        response.set_cookie("session", value, max_age=LIFETIME, httponly=True, samesite="Lax")

    def unsign(self, app, cookie):
        try:
            return self.signer(app).unsign(cookie).decode() if cookie else None
        except BadSignature:
            return None

    def signer(self, app):
        return Signer(app.secret_key, salt="quart-session", key_derivation="hmac")
