"""Words of grammar only, which say nothing of what a text is about."""

from __future__ import annotations

from retrieve.text.tokens import unaccented

# Words of grammar only: articles, pronouns, prepositions, conjunctions, question words and the
# commonest forms of haber, ser, estar. A form that is also a noun or a number stays out of the
# list: sobre, bajo, uno, dos, todo, parte, poder. They are compared with their accents, so that
# te and té, se and sé are told apart; á, é, ó, ú, fué are spelt so in books before 1952.
_SPANISH = """
    el la los las lo un una unos unas al del
    yo tú él ella ello ellos ellas nosotros nosotras vosotros vosotras usted ustedes
    me te se nos os le les mí ti sí conmigo contigo consigo
    mi mis tu tus su sus nuestro nuestra nuestros nuestras vuestro vuestra vuestros vuestras
    este esta estos estas ese esa esos esas aquel aquella aquellos aquellas
    esto eso aquello éste ésta éstos éstas ése ésa ésos ésas aquél aquélla
    a ante con contra de desde durante e en entre hacia hasta para por según sin tras
    y u o ni que qué quien quién quienes quiénes cual cuál cuales cuáles cuyo cuya cuyos cuyas
    cuando cuándo donde dónde adonde adónde como cómo cuanto cuánto cuanta cuánta
    cuantos cuántos cuantas cuántas porque si no pero mas sino aunque pues
    también muy más ya á é ó ú
    es son era eran fue fué fueron ser sea sean sido siendo será serán sería serían
    está están estaba estaban estuvo estar
    ha han he hemos había habían haber habido hay hubo
"""
# Of English likewise; may, will, can, might, like and us are other words, too, and stay.
_ENGLISH = """
    a an the this that these those
    i you he she we they me him her them my your his its our their mine yours hers ours theirs
    myself yourself himself herself itself ourselves yourselves themselves
    of at by for with about against between into through during before after to from in on
    upon within without than and or nor but if because as until while though although
    what which who whom whose when where why how
    am is are was were be been being has have had having do does did doing
    would should could shall must so too very it
"""
NOT_WITHOUT_ACCENT = {"seria"}  # sería without its accent is another word
_SPANISH_STOP_WORDS = frozenset(_SPANISH.split())
STOP_WORDS = {
    "es": _SPANISH_STOP_WORDS
    | {unaccented(word) for word in _SPANISH_STOP_WORDS} - NOT_WITHOUT_ACCENT,
    "en": frozenset(_ENGLISH.split()),
}
