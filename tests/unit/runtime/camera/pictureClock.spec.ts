import { PictureClock } from "../../../../src/runtime/camera/pictureClock";

/** Pictures every 33 ms, whose stamps are of a clock that began 5000 ms later. */
const Taken = Array.from({ length: 40 }, (_, i) => 7000 + 33 * i);
const StampOf = (taken: number): number => taken - 5000;

describe("picture clock", () => {
    it("knows nothing but the arrival before it is told", () => {
        const clock = new PictureClock();
        expect(clock.arrive(StampOf(7000), 7004)).toBe(7004);
        expect(clock.arrive(StampOf(7033), 7041)).toBe(7041);
    });

    it("knows when each picture was taken once it is told of one, late ones too", () => {
        for (const [delay, told] of [
            [0.4, 3],
            [12, 0],
            [31, 5],
        ]) {
            const clock = new PictureClock();
            Taken.slice(0, 8).forEach((taken) => clock.arrive(StampOf(taken), taken + delay));
            clock.learn(Taken[told]);
            for (const taken of Taken.slice(8)) {
                expect(clock.arrive(StampOf(taken), taken + delay + 20))
                    .withContext(`${delay}`)
                    .toBeCloseTo(taken, 6);
            }
        }
    });

    it("is not led astray where the told picture was passed over, if another one is told", () => {
        const clock = new PictureClock();
        // every second picture arrives
        Taken.slice(0, 12).forEach((taken, i) => i % 2 === 0 && clock.arrive(StampOf(taken), taken + 2));
        clock.learn(Taken[7]);
        clock.learn(Taken[8]);
        clock.learn(Taken[9]);
        expect(clock.arrive(StampOf(Taken[14]), Taken[14] + 9)).toBeCloseTo(Taken[14], 6);
    });

    it("takes back what a late first picture made it believe", () => {
        const clock = new PictureClock();
        clock.arrive(StampOf(7000), 7300); // its network was just starting
        clock.learn(7033);
        clock.learn(7066);
        for (const taken of Taken.slice(10, 20)) {
            clock.arrive(StampOf(taken), taken + 1);
            clock.learn(taken);
        }
        expect(clock.arrive(StampOf(Taken[30]), Taken[30] + 9)).toBeCloseTo(Taken[30], 6);
    });

    it("never says that a picture is yet to be taken", () => {
        const clock = new PictureClock();
        clock.arrive(StampOf(7000), 7001);
        clock.learn(7000);
        expect(clock.arrive(StampOf(7100), 7050)).toBe(7050);
    });
});
