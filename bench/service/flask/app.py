"""The two routes of the service's workload home, as a Flask program answers them."""

import random

from flask import Flask

app = Flask(__name__)

# Compiled once: finding and compiling a template per request would be measured as Flask's share.
link = app.jinja_env.from_string('{"link":"/dynamic"}')
dynamic = app.jinja_env.from_string('{"dynamic":"{{ value }}"}')


@app.get("/")
def show_link():
    return app.response_class(link.render(), mimetype="application/json")


@app.get("/dynamic")
def show_dynamic():
    return app.response_class(dynamic.render(value="%.18f" % random.random()), mimetype="application/json")
