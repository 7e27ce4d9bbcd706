// Work in steps: shares, waiting, refusal and stopping.
import { Finish, FinishAsync, Within, type Work } from "../../../src/runtime/slices";

describe("work in steps", () => {
    /** Waits for `answer` in the middle, and writes down how it ended. */
    function* asks(answer: Promise<unknown>, log: string[]): Work<string> {
        try {
            yield 0.25;
            yield answer;
            yield 1;
            return "whole";
        } catch (error) {
            log.push(`refused: ${(error as Error).message}`);
            throw error;
        } finally {
            log.push("cleaned up");
        }
    }

    it("tells shares of a part as shares of the whole, and waits", async () => {
        const [shares, log]: [number[], string[]] = [[], []];
        let answered = false;
        const answer = new Promise((resolve) => setTimeout(resolve, 5)).then(() => (answered = true));
        const done = await FinishAsync(Within(asks(answer, log), 0.5, 0.9), (share) => {
            shares.push(Number(share.toFixed(3)));
            expect(answered).toBe(shares.length > 1);
        });
        expect(done).toBe("whole");
        expect(shares).toEqual([0.6, 0.9]);
        expect(log).toEqual(["cleaned up"]);
    });

    it("throws a refused answer into the part that waits for it", async () => {
        const log: string[] = [];
        const refused = Promise.reject(new Error("the card is lost"));
        await expectAsync(FinishAsync(Within(asks(refused, log), 0, 1))).toBeRejectedWithError("the card is lost");
        expect(log).toEqual(["refused: the card is lost", "cleaned up"]);
    });

    it("stops where the step throws, at once or later, and cleans up", async () => {
        const stops: (() => Promise<void> | void)[] = [
            () => {
                throw new Error("enough");
            },
            () => Promise.reject(new Error("enough")),
        ];
        for (const stop of stops) {
            const log: string[] = [];
            await expectAsync(FinishAsync(Within(asks(Promise.resolve(), log), 0, 1), stop)).toBeRejectedWithError(
                "enough",
            );
            expect(log).toEqual(["cleaned up"]);
        }
    });

    it("finishes at once what does not wait, and cleans up what does", () => {
        const log: string[] = [];
        expect(
            Finish(
                Within(
                    (function* (): Work<number> {
                        yield 0.5;
                        return 7;
                    })(),
                    0,
                    1,
                ),
            ),
        ).toBe(7);
        expect(() => Finish(Within(asks(Promise.resolve(), log), 0, 1))).toThrowError(/waits/);
        expect(log).toEqual(["cleaned up"]);
    });
});
