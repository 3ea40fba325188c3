"""Prints the polynomial coefficients of Sources/Kernels/Elementary.swift and Angle.swift (needs mpmath).

Each polynomial is the near-minimax (Chebyshev) fit of the function in its name. It is computed with 60 digits, and its
coefficients are rounded to double. The printed bound is the error of the fit relative to the result of the elementary
function, as a power of two. The bounds for double are below 2^-57, a sixteenth of an ulp, so that rounding in the
evaluation is the larger error. The bounds of the short polynomials, whose result is rounded to float, are below 2^-32,
a 256th of an ulp of float.
"""

from mpmath import atan, atanh, chebyfit, cos, exp, log, mp, mpf, pi, sin, sqrt

mp.dps = 60


def series(f, value):
    """Returns f with `value`, its limit, at 0, because the quotient that defines f is 0/0 there."""
    return lambda z: f(z) if z else value


FITS = {
    "exp: (e^r - 1 - r) / r^2, r in +-ln2/2": (
        series(lambda r: (exp(r) - 1 - r) / r**2, mpf(1) / 2),
        [-log(2) / 2, log(2) / 2], 11, lambda r: r**2 / exp(r)),
    "short exp": (
        series(lambda r: (exp(r) - 1 - r) / r**2, mpf(1) / 2),
        [-log(2) / 2, log(2) / 2], 6, lambda r: r**2 / exp(r)),
    "log: (2 atanh(s) - 2 s) / s^3 in z = s^2, 1+f in sqrt(1/2)..sqrt(2), s = f / (2+f)": (
        series(lambda z: (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / sqrt(z) ** 3, mpf(2) / 3),
        [0, ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2], 8, lambda z: z / 2),
    "short log: m within a factor of 2^0.5861 of n (0.0861: how far log2(x) is from the exponent and the fraction of x)": (
        series(lambda z: (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / sqrt(z) ** 3, mpf(2) / 3),
        [0, ((mpf(2) ** 0.5861 - 1) / (mpf(2) ** 0.5861 + 1)) ** 2], 4, lambda z: z / 2),
    "atan: (t - atan(t)) / t^3 in z = t^2, |t| <= 7/16": (
        series(lambda z: (sqrt(z) - atan(sqrt(z))) / sqrt(z) ** 3, mpf(1) / 3),
        [0, mpf(49) / 256], 12, lambda z: z),
    "short angle: (t - atan(t)) / t^3 in z = t^2, |t| <= tan(pi/8)": (
        series(lambda z: (sqrt(z) - atan(sqrt(z))) / sqrt(z) ** 3, mpf(1) / 3),
        [0, (sqrt(2) - 1) ** 2], 6, lambda z: z),
    "sin: (sin(x) - x) / x^3 in z = x^2, |x| <= pi/4": (
        series(lambda z: (sin(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3, mpf(-1) / 6),
        [0, (pi / 4) ** 2], 7, lambda z: z),
    "cos: (cos(x) - 1 + x^2 / 2) / x^4 in z = x^2, |x| <= pi/4": (
        series(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24),
        [0, (pi / 4) ** 2], 6, lambda z: z**2),
}

for name, (f, interval, terms, weight) in FITS.items():
    coefficients = [mpf(float(c)) for c in reversed(chebyfit(f, interval, terms))]
    worst = max(
        abs(sum(c * z**k for k, c in enumerate(coefficients)) - f(z)) * weight(z)
        for z in (interval[0] + (interval[1] - interval[0]) * (k + mpf(1) / 2) / 2000 for k in range(2000)))
    print(f"// {name}; error 2^{float(log(worst, 2)):.1f}")
    print(", ".join(float(c).hex() for c in coefficients))

print("// ln2 in two parts (the first has 11 trailing zero bits: its product with an exponent is exact), pi/180 in two parts")
for value, bits in ((log(2), 42), (pi / 180, 53)):
    high = mpf(int(value * 2 ** (bits - int(mp.floor(log(value, 2))) - 1))) / 2 ** (bits - int(mp.floor(log(value, 2))) - 1)
    print(float(high).hex(), float(value - high).hex())
print("// atan(1/2), pi/4, atan(3/2), pi/2 in two parts")
for value in (atan(mpf(1) / 2), pi / 4, atan(mpf(3) / 2), pi / 2):
    print(float(value).hex(), float(value - mpf(float(value))).hex())
print("// ln2, pi, then 2/pi, 180/pi")
print(float(log(2)).hex(), float(pi).hex())
print(float(2 / pi).hex(), float(180 / pi).hex())
print("// pi/2 in three parts (the first two have 33 bits: their products with a number of quarter turns are exact)")
rest, parts = pi / 2, []
for _ in range(2):
    unit = mpf(2) ** (int(mp.floor(log(rest, 2))) - 32)
    parts.append(mp.floor(rest / unit) * unit)
    rest -= parts[-1]
print(*(float(part).hex() for part in parts))
print(float(rest).hex())
