"""`retrieve serve`: pages for people and an API for programs, over what the commands call.

app.py        create_app(): middlewares, API, pages, static files in one ASGI application
serving.py    where it listens, the link that is printed, uvicorn
access.py     who may come in: a token for each start, a token or a password from a file
security.py   what every request passes: names of the host, sites, bodies
headers.py    what a browser may do with an answer
here.py       the collection as handlers use it: `Here`, threads for searches, photos and writes
filters.py    conditions of a request
originals.py  the files behind photos and texts
uploads.py    photos that are sent, in memory and no larger than allowed
errors.py     one shape of errors, with the command line's sentence
rendering.py  templates, and the functions that they may call
language.py   in which language a page speaks; locale/ has the words
api/          /api/v1, a resource a file
pages/        a page a file, its templates in templates/
parts/        what several pages are made of: what an address asks for, photos that were sent, tiles
static/       style, script and htmx, all from this host (LICENCES.md)

A page is added by one file in pages/ that has a `router`, its name in pages.PAGES, and a template
that extends base.html, whose sentences `make translations` takes from locale/:

    router = APIRouter()

    @router.get("/people")
    async def people(request: Request, here: HereNow) -> HTMLResponse:
        found = await here.read(lambda collection: collection.people.listing())
        return render(request, "people.html", people=found)

What it reads it reads inside `here.read(…)`, in a thread that has the collection open; what it
writes inside `here.write(…)`, which refuses where the server is read only. A fragment for htmx is a
template of its own, `_hits.html`, that the page includes. Nothing stands in `<script>`, `<style>`,
`style=` or `on…=`: the policy for content forbids it, so that no name in a photo can run.
"""
