"""What is written on the made photos: ours, in Spanish, some in Catalan and English.

One line of a photo a line, photos apart by empty lines.
"""

from __future__ import annotations


def _each(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(part.split("\n")) for part in text.strip("\n").split("\n\n"))


SIGNS = _each(
    """
FARMACIA
Abierta las 24 horas
Teléfono 976 55 01 34

PANADERÍA LA ESPIGA
Pan de leña y bollería
¿Encargos? Pregunte aquí

Camino de la Ermita
Prohibido el paso
a vehículos de motor

SE VENDE
Piso de 3 habitaciones
Señora Núñez · 622 18 40 97

ESTACIÓN DE AUTOBUSES
Andén 4
Salida a las 17:45

Museo del Azúcar
Entrada gratuita los domingos
Cerrado por obras hasta junio

Forn de pa de l'Eulàlia
Coques, ensaïmades i pa de pagès
Tancat els dilluns

FERRETERÍA IBÁÑEZ
Llaves, cerrojos y pintura
Calle del Ángel, 27

NO SMOKING
Please keep off the grass
Dogs must be on a lead

Piscina municipal
Aforo máximo: 120 personas
Prohibido correr y zambullirse

PELUQUERÍA SOLEDAD
Corte y peinado 18,50 €
Cita previa: 974 22 61 80

Ajuntament de Vallverd
Biblioteca i arxiu
Horari: de 9 a 14 hores
"""
)
RECEIPTS = _each(
    """
SUPERMERCADO EL CHOPO
Avda. de la Constitución, 12
CIF B-50412377
12/03/2024 18:42
LECHE ENTERA 1L      1,09
PIMENTÓN DULCE       2,35
JAMÓN SERRANO 150G   3,80
MANZANAS GOLDEN      1,72
AGUA MINERAL 6X1,5   2,16
TOTAL A PAGAR       11,12
EFECTIVO            20,00
CAMBIO               8,88
¡GRACIAS POR SU VISITA!

BAR LOS MAÑOS
Plaza del Pilar, 3
Mesa 7  Camarero: Íñigo
2 CAÑA            4,40
1 RACIÓN BRAVAS    6,50
1 TORTILLA         5,20
2 CAFÉ CORTADO     3,00
BASE IMPONIBLE    17,36
IVA 10 %           1,74
TOTAL             19,10 EUR

FARMACIA HERMANOS PEÑA
Ticket 004817
IBUPROFENO 400 MG    2,50
ALGODÓN 100 G        1,45
TERMÓMETRO DIGITAL   8,95
TOTAL               12,90
Pagado con tarjeta
Conserve este justificante

LIBRERÍA CERVANTES
Calle Mayor, 88
La colmena, C. J. Cela   12,95
Cuaderno pautado A5       3,40
Bolígrafo azul            1,20
Descuento socio          -0,88
Importe total            16,67
Cambios en 15 días con este tique

HARDWARE STORE BAKER
18 Mill Lane
Screws 4x40 box       3.60
Paint brush 2 in      4.25
White spirit 1 l      5.10
Subtotal             12.95
VAT 20%               2.59
TOTAL                15.54
Thank you, call again
"""
)
SLIDES = _each(
    """
La sequía de 2023
El embalse bajó al 18 % de su capacidad
Se cortó el riego desde el 4 de julio
¿Qué haremos el próximo verano?

Presupuesto del año
Ingresos por cuotas: 14.200 €
Gastos de mantenimiento: 9.875 €
Queda pendiente la reparación del tejado
Próxima reunión: 9 de octubre

Historia de la fábrica
1911: se coloca la primera piedra
1936: incendio de la nave de máquinas
1978: última campaña de remolacha
Hoy: taller de niños y archivo

Cosecha y clima
Menos lluvia en otoño
Vendimia diez días antes
Más azúcar, menos acidez
Fuente: cooperativa San Blas

Resum de la jornada
Participants: 42 persones
Propostes aprovades: tres
Cal revisar el pla d'emergència
Moltes gràcies

Results so far
Half of the samples were dry
The pump failed twice in May
We need another sensor
Questions are welcome
"""
)
PAGES = _each(
    """
Capítulo tercero
Cuando llegó el tren a la comarca, nadie quiso creer
que aquel ruido de hierros fuese a cambiar las costumbres
de los pueblos. Los arrieros siguieron bajando con sus
mulas hasta el mercado, y los niños, que no sabían de
vapores, corrían detrás de la máquina gritando su nombre.
Mi abuela contaba que el jefe de estación llevaba un reloj
de plata, y que todas las mañanas lo ponía en hora con
la campana de la iglesia. Si el tren venía tarde, decía,
no era culpa del maquinista, sino del cura, que dormía
más de la cuenta y tocaba a misa cuando podía.

Contrato de arrendamiento
En Huesca, a 14 de septiembre de 1987, reunidos de una
parte don Joaquín Ibáñez Lasierra, mayor de edad y vecino
de esta ciudad, y de otra doña Asunción Muñoz Peralta,
convienen lo siguiente:
Primero. El arrendador cede el uso de la vivienda situada
en la calle del Temple, número 9, piso segundo izquierda.
Segundo. La renta será de veintidós mil pesetas al mes,
que se pagarán por adelantado en los cinco primeros días.
Tercero. El plazo será de tres años, prorrogables.
Y para que así conste, lo firman por duplicado.

Acta de la junta de regantes
Se abre la sesión a las ocho y media de la tarde con la
asistencia de dieciséis socios. El presidente explica que
la acequia vieja pierde agua en el tramo de la huerta baja
y propone revestirla de hormigón antes de la primavera.
El señor Castán pregunta por el coste. Se calcula que son
unos tres millones, de los que la diputación pagaría la
mitad. Después de una larga discusión se aprueba por once
votos contra cinco. No hay más asuntos que tratar.

Remedios de la tía Ángela
Para la tos se cuecen cebollas con miel y un poco de limón,
y se toma una cucharada al acostarse. Para el dolor de
oído basta con aceite templado. Contra los sabañones decía
que nada era mejor que el agua de nabos, aunque mi padre
prefería la pimienta en los calcetines.
Las quemaduras pequeñas se lavaban con agua fría, nunca
con mantequilla, y se tapaban con una hoja de llantén.

Report of the survey
The bridge was inspected on the second of April, after the
river had fallen to its usual level. Two of the piers show
cracks below the water line, and the mortar is missing from
most joints on the northern side. We recommend to close one
lane until the repairs are done, and to measure the width
of the cracks every week.
"""
)
NOTES = _each(
    """
Comprar huevos y aceite
Llamar a la abuela el jueves
La llave está en la maceta

Querida Nuria:
volvemos el domingo por la noche,
no olvides regar las plantas

Receta de las rosquillas
tres huevos, un vaso de anís
y la harina que admita

Meeting on Friday at ten
bring the blue folder
and ask Tom for the keys
"""
)
