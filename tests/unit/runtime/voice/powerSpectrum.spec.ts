// The transform against the formula.
import { PowerSpectrum } from "../../../../src/runtime/voice/powerSpectrum";

describe("the power spectrum", () => {
    it("is what the discrete Fourier transform gives", () => {
        const size = 64;
        const samples = Float64Array.from({ length: 50 }, (_, at) => Math.sin(at * at) + 0.3 * Math.cos(3 * at));
        const spectrum = new PowerSpectrum(size);
        spectrum.transform(samples);
        for (let bin = 0; bin <= size / 2; bin++) {
            let [re, im] = [0, 0];
            samples.forEach((sample, at) => {
                re += sample * Math.cos((2 * Math.PI * bin * at) / size);
                im -= sample * Math.sin((2 * Math.PI * bin * at) / size);
            });
            expect(spectrum.power[bin])
                .withContext(`bin ${bin}`)
                .toBeCloseTo(re * re + im * im, 8);
        }
    });
});
