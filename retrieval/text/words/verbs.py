"""Conjugation of Spanish verbs: each form as grammar spells it, irregular ones from tables.

Of a verb that stands in a table, and of the others whose spelling tells their kind (conocer,
construir, leer), only the right form is given, so that nobody takes `salo` or `estó` for one. Of a
verb in no table, with an e or o that might change, both spellings are: the one that texts have is
right. Source: Real Academia Española 2009, "Nueva gramática de la lengua española", chapter 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from retrieve.text.tokens import plain

# Endings by conjugation: (rule, endings in -ar, in -er, in -ir, kind of stem).
WEAK, STRONG, BEFORE_I, BEFORE_A, WHOLE = "weak", "strong", "before i", "before a", "whole"
ENDINGS: tuple[tuple[str, str, str, str, str], ...] = (
    ("gerundio", "ando", "iendo", "iendo", BEFORE_I),
    ("participio", "ado", "ido", "ido", WEAK),
    ("presente 1", "o", "o", "o", BEFORE_A),
    ("presente 2", "as", "es", "es", STRONG),
    ("presente 3", "a", "e", "e", STRONG),
    ("presente 1 pl", "amos", "emos", "imos", WEAK),
    ("presente 3 pl", "an", "en", "en", STRONG),
    ("presente 2 pl", "áis", "éis", "ís", WEAK),
    ("pretérito 1", "é", "í", "í", WEAK),
    ("pretérito 2", "aste", "iste", "iste", WEAK),
    ("pretérito 3", "ó", "ió", "ió", BEFORE_I),
    ("pretérito 3 pl", "aron", "ieron", "ieron", BEFORE_I),
    ("imperativo vos", "á", "é", "í", WEAK),
    ("imperfecto 3", "aba", "ía", "ía", WEAK),
    ("imperfecto 3 pl", "aban", "ían", "ían", WEAK),
    ("imperfecto 2", "abas", "ías", "ías", WEAK),
    ("futuro 1", "é", "é", "é", WHOLE),
    ("futuro 2", "ás", "ás", "ás", WHOLE),
    ("futuro 3", "á", "á", "á", WHOLE),
    ("futuro 1 pl", "emos", "emos", "emos", WHOLE),
    ("futuro 3 pl", "án", "án", "án", WHOLE),
    ("condicional 3", "ía", "ía", "ía", WHOLE),
    ("condicional 2", "ías", "ías", "ías", WHOLE),
    ("condicional 3 pl", "ían", "ían", "ían", WHOLE),
    ("subjuntivo 3", "e", "a", "a", BEFORE_A),
    ("subjuntivo 3 pl", "en", "an", "an", BEFORE_A),
    ("subjuntivo 2", "es", "as", "as", BEFORE_A),
    ("subjuntivo pasado 3", "ara", "iera", "iera", BEFORE_I),
    ("subjuntivo pasado 3 pl", "aran", "ieran", "ieran", BEFORE_I),
    ("subjuntivo pasado 3", "ase", "iese", "iese", BEFORE_I),
    ("enclítico se", "se", "se", "se", WHOLE),
    ("enclítico lo", "lo", "lo", "lo", WHOLE),
    ("enclítico la", "la", "la", "la", WHOLE),
    ("enclítico le", "le", "le", "le", WHOLE),
    ("enclítico me", "me", "me", "me", WHOLE),
    ("enclítico te", "te", "te", "te", WHOLE),
)
# Vowels that change where the stress falls on them: piensa, cuenta; and in -ir before i, pidió.
E_IE = """
    acertar adestrar aferrar alebrar alentar apernar apretar arrendar ascender atender atentar
    aterrar atravesar calentar cegar cerner cernir cerrar cimentar comenzar concernir concertar
    condescender confesar contender decentar defender derrengar descender despertar desterrar
    discernir emparentar empedrar empezar encender encerrar encomendar enmendar ensangrentar
    entender enterrar errar estregar extender fregar gobernar heder helar hender hendir herrar
    incensar invernar manifestar melar mentar merendar negar nevar patiquebrar pensar perder
    perniquebrar plegar quebrar querer recomendar regar remendar retentar reventar salpimentar
    segar sembrar sentar serrar sosegar soterrar temblar tender tener tentar trascender tropezar
    verter
"""
O_UE = """
    acordar acornar acostar agorar almorzar amolar apostar aprobar avergonzar azolar cocer colar
    colgar comprobar concordar conmover consolar contar costar degollar demoler demostrar
    descollar desflocar desollar devolver doler emporcar encontrar encordar engrosar entortar
    envolver esforzar follar forzar holgar hollar llover moblar moler morder mostrar mover oler
    poblar poder probar promover recordar reforzar regoldar remover renovar resollar rodar rogar
    soldar soler soltar solver sonar soñar torcer tostar trascordar trocar tronar volar volcar
    volver
"""
E_I = """
    ceñir colegir competir concebir conseguir constreñir corregir decir derretir desleír
    despedir elegir embestir estreñir expedir gemir henchir heñir impedir investir medir pedir
    perseguir regir rendir repetir revestir reñir seguir servir teñir travestir vestir
"""
E_IE_I = """
    adherir advertir aferir arrepentir asentir conferir controvertir convertir diferir digerir
    divertir erguir herir hervir inferir ingerir injerir interferir invertir mentir pervertir
    preferir proferir referir requerir revertir sentir subvertir sugerir transferir venir
    zaherir
"""
O_UE_U = "dormir morir"
# The i or u of the stem gets the stress and an accent: envía, actúa, reúne, prohíbe.
ACCENTED = """
    aliar amnistiar ampliar ansiar arriar ataviar autografiar averiar aviar biografiar
    cablegrafiar calcografiar cartografiar chirriar ciar confiar contrariar coreografiar criar
    cuantiar dactilografiar desafiar descarriar desliar desvariar desviar enfriar enlejiar
    enviar escalofriar espiar esquiar estriar expatriar expiar extasiar extraviar fiar
    fotografiar guiar hastiar inventariar jipiar liar litografiar malcriar mecanografiar
    monografiar piar porfiar puar radiografiar repatriar resfriar rociar telegrafiar vaciar
    vanagloriar variar
"""
# -iar without it: cambia. The others in neither list have both spellings proposed.
HIATUS = {
    "reunir": "reún", "prohibir": "prohíb", "cohibir": "cohíb", "aislar": "aísl",
    "aullar": "aúll", "maullar": "maúll", "ahusar": "ahús", "desairar": "desaír",
    "ahincar": "ahínc", "rehusar": "rehús", "ahumar": "ahúm", "airar": "aír",
    "enraizar": "enraíz", "ahijar": "ahíj", "prohijar": "prohíj", "sahumar": "sahúm",
    "aunar": "aún", "aupar": "aúp", "europeizar": "europeíz", "judaizar": "judaíz",
    "desenraizar": "desenraíz", "ahitar": "ahít", "cafeinar": "cafeín", "rehilar": "rehíl",
    "sobrehilar": "sobrehíl", "embaular": "embaúl",
}  # fmt: skip
# A vowel before -cer, and yet no -zc-: mezo, cuezo.
UNCHANGED_CER = ("mecer", "remecer", "cocer", "escocer", "recocer")
# The strong preterites: stem, then -e -iste -o -imos -ieron; compounds follow (contener).
STRONG_PRETERITES = {
    "bendecir": "bendij", "maldecir": "maldij", "satisfacer": "satisfic",
    "tener": "tuv", "estar": "estuv", "poder": "pud", "poner": "pus", "saber": "sup",
    "hacer": "hic", "querer": "quis", "venir": "vin", "decir": "dij", "traer": "traj",
    "andar": "anduv", "haber": "hub", "caber": "cup", "ducir": "duj",
}  # fmt: skip
FUTURE_STEMS = {
    "bendecir": "bendecir", "maldecir": "maldecir", "predecir": "predecir",
    "satisfacer": "satisfar",
    "tener": "tendr", "poder": "podr", "poner": "pondr", "saber": "sabr", "hacer": "har",
    "querer": "querr", "venir": "vendr", "decir": "dir", "haber": "habr", "salir": "saldr",
    "valer": "valdr", "caber": "cabr",
}  # fmt: skip
PARTICIPLES = {
    "bendecir": "bendecid", "maldecir": "maldecid", "satisfacer": "satisfech",
    "abrir": "abiert", "cubrir": "cubiert", "decir": "dich", "escribir": "escrit",
    "hacer": "hech", "morir": "muert", "poner": "puest", "solver": "suelt", "volver": "vuelt",
    "romper": "rot", "ver": "vist", "scribir": "scrit", "freír": "frit", "imprimir": "impres",
    "pudrir": "podrid",
}  # fmt: skip
REGULAR_BESIDE = ("freír", "imprimir")  # whose regular participle is good, too
FIRST_PERSONS = {
    "satisfacer": "satisfago", "bendecir": "bendigo", "maldecir": "maldigo",
    "tener": "tengo", "poner": "pongo", "hacer": "hago", "venir": "vengo", "decir": "digo",
    "traer": "traigo", "caer": "caigo", "oír": "oigo", "salir": "salgo", "valer": "valgo",
    "saber": "sé", "caber": "quepo", "ver": "veo", "dar": "doy", "estar": "estoy", "asir": "asgo",
    "raer": "raigo",
}  # fmt: skip
# Like others, but not composed of them: corroer is of roer, aplacer not of hacer.
WHOLE_VERBS = ("ver", "dar", "asir", "oír", "caber", "raer", "roer", "saber")
GERUNDS = {"poder": "pudiendo", "venir": "viniendo", "decir": "diciendo", "erguir": "irguiendo"}
# Verbs beyond every rule: the forms in the order of SUPPLETIVE_RULES.
SUPPLETIVE_RULES = (
    "gerundio", "participio", "presente 1", "presente 2", "presente 3", "presente 1 pl",
    "presente 3 pl", "pretérito 1", "pretérito 2", "pretérito 3", "pretérito 3 pl",
    "imperfecto 3", "imperfecto 3 pl", "subjuntivo 3", "subjuntivo 3 pl", "subjuntivo pasado 3",
    "subjuntivo pasado 3 pl",
)  # fmt: skip
SUPPLETIVE = {
    "ser": "siendo sido soy eres es somos son fui fuiste fue fueron era eran sea sean fuera fueran",
    "ir": "yendo ido voy vas va vamos van fui fuiste fue fueron iba iban vaya vayan fuera fueran",
    "haber": "habiendo habido he has ha hemos han hube hubiste hubo hubieron había habían haya "
    "hayan hubiera hubieran",
    "estar": "estando estado estoy estás está estamos están estuve estuviste estuvo estuvieron "
    "estaba estaban esté estén estuviera estuvieran",
    "dar": "dando dado doy das da damos dan di diste dio dieron daba daban dé den diera dieran",
    "ver": "viendo visto veo ves ve vemos ven vi viste vio vieron veía veían vea vean viera vieran",
    "prever": "previendo previsto preveo prevés prevé prevemos prevén preví previste previó "
    "previeron preveía preveían prevea prevean previera previeran",
    "entrever": "entreviendo entrevisto entreveo entrevés entrevé entrevemos entrevén entreví "
    "entreviste entrevió entrevieron entreveía entreveían entrevea entrevean entreviera "
    "entrevieran",
    "oír": "oyendo oído oigo oyes oye oímos oyen oí oíste oyó oyeron oía oían oiga oigan oyera "
    "oyeran",
    "reír": "riendo reído río ríes ríe reímos ríen reí reíste rió rieron reía reían ría rían "
    "riera rieran",
    "saber": "sabiendo sabido sé sabes sabe sabemos saben supe supiste supo supieron sabía sabían "
    "sepa sepan supiera supieran",
    "erguir": "irguiendo erguido yergo yergues yergue erguimos yerguen erguí erguiste irguió "
    "irguieron erguía erguían yerga yergan irguiera irguieran",
    "jugar": "jugando jugado juego juegas juega jugamos juegan jugué jugaste jugó jugaron jugaba "
    "jugaban juegue jueguen jugara jugaran",
}
# Verbs like one of them: sonreír as reír, desoír as oír.
LIKE = {
    "sonreír": ("reír", "son"), "freír": ("reír", "f"), "refreír": ("reír", "ref"),
    "sofreír": ("reír", "sof"), "engreír": ("reír", "eng"),
    "desoír": ("oír", "des"), "entreoír": ("oír", "entre"),
}  # fmt: skip
ACUTE = str.maketrans("áéíóú", "aeiou")


def _every(table: str) -> frozenset[str]:
    return frozenset(table.split())


PREFIXES = sorted(
    _every(
        """
        a ab abs ante auto bien co com con contra de des desa desac descom descon desem desen di dis
        em en entre equi es ex im in indis inter mal man o ob per pos pre predis presu pro pros re
        recom recon reen retro so sobre sobreen sobreex sobren sobrex sos su sub subex subs super
        supra sus tele trans tras yuxta
        """
    )
)

_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("ie", _every(E_IE)),
    ("ue", _every(O_UE)),
    ("i", _every(E_I)),
    ("ie i", _every(E_IE_I)),
    ("ue u", _every(O_UE_U)),
)
_ACCENTED = _every(ACCENTED)
# Regular ones that only look like a compound of a verb in the tables.
REGULAR = _every(
    """
    abrogar absorber acoplar acortar admitir adoptar agotar agregar anotar aportar aprender
    arrogar asolar asombrar atentar beber cobrar coger comentar comer cometer compensar
    comportar comprender conformar consumir contentar controlar convencer correr corromper
    cortar coser crear creer cumplir deber decidir dejar depender deponer deportar derogar
    desear desertar desolar desprender destronar detentar dispensar dividir ejercer emplear
    emprender ensolar entrar entregar entronar escoger esconder escribir esperar explotar
    exportar flotar formar importar informar inmolar innovar insertar intentar interrogar
    interrumpir leer llamar llegar llevar mecer meter mojar nombrar notar obrar ofender optar
    ostentar pasear pelear permitir portar poseer prender presentar pretender prometer prorrogar
    proteger proveer quedar recibir recobrar recoger recompensar reportar reprender resentar
    responder rodear romper someter soportar sorber sorprender subir subrogar superar suspender
    tejer temer terminar tocar tomar toser transformar vencer vender violar vivir votar
    """
)


def kind_of(verb: str) -> str | None:
    """How the vowel of a stem changes: ie, ue, i, ie i, ue u; "" not at all; None unknown."""
    if verb in REGULAR:
        return ""
    for kind, verbs in _KINDS:
        if verb in verbs:
            return kind
    for prefix in PREFIXES:
        if verb.startswith(prefix):
            for kind, verbs in _KINDS:
                if verb[len(prefix) :] in verbs:
                    return kind
    return None


@lru_cache(maxsize=1 << 14)
def forms_of(verb: str) -> tuple[tuple[str, str], ...]:
    """All that `conjugate` gives."""
    return tuple(conjugate(verb))


def conjugate(verb: str) -> Iterator[tuple[str, str]]:
    """Rule and form of an infinitive, the standard spelling first where there are several."""
    ending = plain(verb[-2:])
    if ending not in ("ar", "er", "ir") or (len(verb) < 3 and verb != "ir"):
        return
    known = dict(_suppletive(verb))
    yield from known.items()
    column = 1 + ("ar", "er", "ir").index(ending)
    stem = verb[:-2]
    future = _compound(verb, FUTURE_STEMS) or stem + ending
    participle = _compound(verb, PARTICIPLES)
    preterite = _compound(verb, STRONG_PRETERITES)
    first = _compound(verb, FIRST_PERSONS)
    gerund = _compound(verb, GERUNDS)
    kind = kind_of(verb)
    for row in ENDINGS:
        rule, tail, place = row[0], row[column], row[4]
        if place == WHOLE:
            whole = verb if rule.startswith("enclítico") else future
            yield rule, whole + tail
        elif rule == "participio" and participle:
            yield rule, participle + "o"
            if verb in REGULAR_BESIDE:
                yield rule, (verb[:-2] + "ído" if verb.endswith("eír") else stem + "ido")
        elif rule in known:
            if rule == "subjuntivo pasado 3" and tail.endswith("se"):
                yield rule, known[rule].removesuffix("ra") + "se"
        elif preterite and rule.startswith(("pretérito", "subjuntivo pasado")):
            yield rule, _strong(preterite, rule, tail)
        elif first and rule == "presente 1":
            yield rule, first
        elif known:
            if rule in ("imperfecto 2", "subjuntivo 2"):
                yield rule, known[rule[:-1] + "3"] + "s"
        elif first and rule in ("subjuntivo 2", "subjuntivo 3", "subjuntivo 3 pl"):
            yield rule, first[:-1] + {"2": "as", "3": "a", "l": "an"}[rule[-1]]
        elif gerund and rule == "gerundio":
            yield rule, gerund
        else:
            yield from ((rule, form) for form in _joined(verb, stem, tail, place, column, kind))


def _suppletive(verb: str) -> Iterator[tuple[str, str]]:
    model, prefix = LIKE.get(verb, (verb, ""))
    if model in SUPPLETIVE:
        forms = SUPPLETIVE[model].split()
        yield from zip(SUPPLETIVE_RULES, (prefix + form for form in forms), strict=True)


def _strong(stem: str, rule: str, tail: str) -> str:
    """tuv → tuve, tuviste, tuvo, tuvieron, tuviera; dij → dijeron; hic → hizo."""
    if rule == "pretérito 1":
        return stem + "e"
    if rule == "pretérito 3":
        return stem[:-1] + "zo" if stem.endswith("c") else stem + "o"
    if rule == "pretérito 2":
        return stem + "iste"
    soft = "ie" + tail.removeprefix("a").removeprefix("ie")
    return stem + (soft[1:] if stem.endswith("j") else soft)


def _compound(verb: str, table: Mapping[str, str]) -> str | None:
    """What the table says of the verb or of the verb that it is composed of (contener)."""
    if verb in table:
        return table[verb]
    for base, form in table.items():
        if verb.endswith(base) and len(base) > 3 and base not in WHOLE_VERBS:
            prefix = verb[: -len(base)]
            if base == "hacer" or prefix in PREFIXES or base in ("ducir", "scribir"):
                return prefix + form
    return None


def _joined(
    verb: str, stem: str, tail: str, place: str, column: int, kind: str | None
) -> Iterator[str]:
    for one in dict.fromkeys(_stems(verb, stem, place, column, kind)):
        spelt = _respelt(verb, one, tail, column)
        if place == BEFORE_I and column > 1 and _vowel(one):
            yield one.replace("ü", "u") + "y" + tail[1:]  # leyó, huyendo, arguyó
        elif place == BEFORE_I and column > 1 and one.endswith(("ñ", "ll")):
            yield one + tail[1:]  # bulló, riñendo
        elif _vowel(one) and one[-1] in "uü" and column == 3 and place in (STRONG, BEFORE_A):
            yield one.replace("ü", "u") + "y" + tail  # huye, huyo
        elif _vowel(one) and one[-1] in "aeo" and column > 1 and tail[:1] == "i":
            yield one + "í" + tail[1:]  # leíste, caído, leímos
        else:
            yield spelt + tail


def _vowel(stem: str) -> bool:
    """Whether a stem ends in a vowel that is spoken: le-, hu-, but not segu-."""
    return stem[-1:] in tuple("aeouü") and stem[-2:] not in ("gu", "qu")


def _stems(verb: str, stem: str, place: str, column: int, kind: str | None) -> list[str]:
    """The stem as it is in one place of the paradigm; several where no table tells."""
    stressed = place in (STRONG, BEFORE_A)
    if verb in HIATUS and stressed:
        return [HIATUS[verb]]
    if column == 1 and stressed and stem[-1:] in ("i", "u") and len(stem) > 1:
        return _with_accent(verb, stem)
    if kind is None:
        found = [stem]
        if stressed:
            found += _diphthongs(stem)
        if column == 3 and place in (BEFORE_I, BEFORE_A, STRONG):
            found += _raised(stem)
        return found
    if kind in ("ie", "ue") and stressed:
        return _diphthongs(stem) or [stem]
    if kind == "i" and (stressed or place == BEFORE_I):
        return _raised(stem) or [stem]
    if kind in ("ie i", "ue u"):
        if stressed:
            return _diphthongs(stem) or [stem]
        if place == BEFORE_I:
            return _raised(stem) or [stem]
    return [stem]


def _with_accent(verb: str, stem: str) -> list[str]:
    accented = stem[:-1] + {"i": "í", "u": "ú"}[stem[-1]]
    if stem.endswith("u"):
        return [stem] if stem[-2:-1] in ("c", "g", "q") else [accented]
    if verb in _ACCENTED or any(
        verb.removeprefix(prefix) in _ACCENTED for prefix in ("des", "re", "en", "auto", "con")
    ):
        return [accented]
    return [stem]


def _diphthongs(stem: str) -> list[str]:
    """pens → piens, cont → cuent, jug → jueg, err → yerr, ol → huel, adquir → adquier."""
    found = re.match(r"(.*)([eou])((?:gu|qu)|[^aeiou]+(?:gu|qu)?)$", stem)
    if stem in ("adquir", "inquir"):
        return [stem[:-2] + "ier"]
    if not found:
        return []
    head, vowel, rest = found.groups()
    diphthong = {"e": "ie", "o": "ue", "u": "ue"}[vowel]
    at_start = {"e": "ye", "o": "hue", "u": "ue"}[vowel]
    if not head:
        return [at_start + rest]
    if head.endswith("g") and vowel == "o":
        return [head + "üe" + rest]  # avergüenza, degüella
    return [head + diphthong + rest]


def _raised(stem: str) -> list[str]:
    """ped → pid, dorm → durm, before i and in the strong forms of -ir."""
    found = re.match(r"(.*)([eo])([^aeiou]+|gu|qu)$", stem)
    return [found[1] + {"e": "i", "o": "u"}[found[2]] + found[3]] if found else []


def _respelt(verb: str, stem: str, tail: str, column: int) -> str:
    """The same sound before another vowel: saqu-e, llegu-e, empiec-e; venz-o, conozc-o, coj-o."""
    soft = plain(tail[:1]) in ("e", "i")
    changes: tuple[tuple[str, str], ...] = ()
    if column == 1 and soft:
        changes = (("gu", "gü"), ("c", "qu"), ("g", "gu"), ("z", "c"))
    elif column > 1 and not soft:
        c = "zc" if _velar(verb) else "z"
        changes = (("gu", "g"), ("qu", "c"), ("c", c), ("g", "j"))
    for old, new in changes:
        if stem.endswith(old):
            return stem[: -len(old)] + new
    return stem


def _velar(verb: str) -> bool:
    """Whether -cer, -cir stand behind a vowel: conozco, luzco; but venzo, mezo."""
    return verb[-4:-3] in tuple("aeiouáéíóú") and verb not in UNCHANGED_CER
