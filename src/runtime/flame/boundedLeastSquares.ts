/** Least squares whose unknowns stay between 0 and 1, by coordinate descent. */

const Sweeps = 200;
/** A sweep that changes less ends the search. */
const Enough = 1e-6;

/**
 * Minimises ½ xᵀ A x − bᵀ x over 0 ≤ x ≤ 1.
 * @param a [n,n] symmetric, positive semidefinite
 * @param b [n]
 * @param x [n] where the search begins; overwritten by what it finds
 */
export function SolveBounded(a: Float64Array, b: Float64Array, x: Float64Array): void {
    const n = x.length;
    for (let sweep = 0; sweep < Sweeps; sweep++) {
        let most = 0;
        for (let i = 0; i < n; i++) {
            const diagonal = a[i * n + i];
            if (!(diagonal > 0)) {
                x[i] = 0;
                continue;
            }
            let rest = b[i];
            for (let j = 0; j < n; j++) {
                rest -= a[i * n + j] * x[j];
            }
            const value = Math.min(1, Math.max(0, x[i] + rest / diagonal));
            most = Math.max(most, Math.abs(value - x[i]));
            x[i] = value;
        }
        if (most < Enough) {
            return;
        }
    }
}
