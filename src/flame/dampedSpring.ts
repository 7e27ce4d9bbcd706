/**
 * A damped spring in closed form: x″ + 2ζω·x′ + ω²·x = 0, with x the distance from rest. A step of any length is exact,
 * so a spring is stable and moves the same at every frame rate.
 */
import type { IWritableNumbers } from "./rotation.js";

/** Nearer than this to 1 a damping ratio is taken for 1: the other formulas lose their digits there. */
const NearlyCritical = 1e-4;

/**
 * The step of a spring: x₁ = s₀·x₀ + s₁·v₀ and v₁ = s₂·x₀ + s₃·v₀.
 * @param frequencyHz natural frequency ω/2π, above 0
 * @param dampingRatio ζ: 0 swings for ever, 1 returns fastest without passing rest
 * @param seconds length of the step, 0 or more
 * @param into [4] receives s
 */
export function SpringStep(frequencyHz: number, dampingRatio: number, seconds: number, into: IWritableNumbers): void {
    const omega = 2 * Math.PI * frequencyHz;
    const decay = dampingRatio * omega;
    // cosine and sine/rate of the damped motion, times its envelope; hyperbolic ones above critical damping.
    let cosine: number;
    let sine: number;
    const excess = dampingRatio * dampingRatio - 1;
    if (Math.abs(excess) < NearlyCritical) {
        const envelope = Math.exp(-decay * seconds);
        cosine = envelope;
        sine = envelope * seconds;
    } else if (excess < 0) {
        const rate = omega * Math.sqrt(-excess);
        const envelope = Math.exp(-decay * seconds);
        cosine = envelope * Math.cos(rate * seconds);
        sine = (envelope * Math.sin(rate * seconds)) / rate;
    } else {
        const rate = omega * Math.sqrt(excess);
        const slow = Math.exp((rate - decay) * seconds);
        const fast = Math.exp(-(rate + decay) * seconds);
        cosine = (slow + fast) / 2;
        sine = (slow - fast) / (2 * rate);
    }
    into[0] = cosine + decay * sine;
    into[1] = sine;
    into[2] = -omega * omega * sine;
    into[3] = cosine - decay * sine;
}
