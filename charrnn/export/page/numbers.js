// Numbers that are the same in every browser: exp, tanh and random numbers, made of +, -, * and / alone.
//
// The language says exactly what these four give, to the last bit; of Math.exp and Math.tanh it does not.
// The same seed therefore writes the same text everywhere.

"use strict";

const LOWEST_POWER = -1022;
const POWERS_OF_TWO = (() => {
  const powers = new Float64Array(2046);
  powers[-LOWEST_POWER] = 1;
  for (let k = 1; k <= 1023; k++) powers[k - LOWEST_POWER] = powers[k - 1 - LOWEST_POWER] * 2;
  for (let k = -1; k >= LOWEST_POWER; k--) powers[k - LOWEST_POWER] = powers[k + 1 - LOWEST_POWER] / 2;
  return powers;
})();

// e^x, by the method of Sun's fdlibm (e_exp.c): x = k ln 2 + r with |r| <= ln 2 / 2, and then
//
//     e^r = 1 + 2r / (R - r)   with   R = r (e^r + 1) / (e^r - 1) = 2 + P1 r^2 + P2 r^4 + ...
//
// ln 2 is subtracted in two parts, the first of which has few enough digits that k times it is exact.
function exp(x) {
  if (x > 709.78) return Infinity;
  if (!(x > -707)) return x !== x ? x : 0; // below, it is less than any sum here can tell from 0
  const k = Math.floor(x * 1.4426950408889634 + 0.5);
  const high = x - k * 6.93147180369123816490e-1;
  const low = k * 1.90821492927058770002e-10;
  const r = high - low;
  const t = r * r;
  const c = r - t * (1.66666666666666019037e-1 + t * (-2.77777777770155933842e-3 +
    t * (6.61375632143793436117e-5 + t * (-1.65339022054652515390e-6 + t * 4.13813679705723846039e-8))));
  return (1 - (low - r * c / (2 - c) - high)) * POWERS_OF_TWO[k - 1 - LOWEST_POWER] * 2;
}

function sigmoid(x) {
  return 1 / (1 + exp(-x));
}

function tanh(x) {
  return 1 - 2 / (exp(2 * x) + 1);
}

// Random numbers from 0 to below 1: xoshiro128** (Blackman and Vigna 2018), whose state a seed fills by way
// of the finaliser of MurmurHash3, as SplitMix does. Two of its numbers make one with 53 random bits.
class Random {
  constructor(seed) {
    let mixed = (seed >>> 0) ^ Math.imul(Math.floor(seed / 4294967296) >>> 0, 0x9e3779b1);
    this.words = new Uint32Array(4);
    for (let i = 0; i < 4; i++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.words[i] = word ^ (word >>> 16);
    }
  }

  // 32 random bits.
  bits() {
    const s = this.words;
    const turned = Math.imul(s[1], 5);
    const result = Math.imul((turned << 7) | (turned >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  next() {
    const high = this.bits() >>> 5;
    const low = this.bits() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }
}
