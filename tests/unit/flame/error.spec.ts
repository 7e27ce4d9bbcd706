import { FlexAvatarError, ThrowIfAborted } from "../../../src/flame/error";

describe("FlexAvatarError", () => {
    it("carries code, advice and cause, and is an Error", () => {
        const cause = new Error("underneath");
        const error = new FlexAvatarError("photo-count", "Got 5 photos.", { advice: "Keep the sharpest.", cause });
        expect(error).toBeInstanceOf(Error);
        expect([error.name, error.code, error.message, error.advice, error.cause]).toEqual([
            "FlexAvatarError",
            "photo-count",
            "Got 5 photos.",
            "Keep the sharpest.",
            cause,
        ]);
    });

    it("has general advice for a code that comes without", () => {
        expect(new FlexAvatarError("webgpu-missing", "No GPU.").advice).toContain("WebGPU");
    });

    it("is thrown for an aborted signal only, with the reason as cause", () => {
        const controller = new AbortController();
        expect(() => ThrowIfAborted(undefined, "testing")).not.toThrow();
        expect(() => ThrowIfAborted(controller.signal, "testing")).not.toThrow();
        controller.abort("enough");
        try {
            ThrowIfAborted(controller.signal, "testing");
            fail("did not throw");
        } catch (error) {
            expect(error).toBeInstanceOf(FlexAvatarError);
            expect((error as FlexAvatarError).code).toBe("aborted");
            expect((error as FlexAvatarError).cause).toBe("enough");
        }
    });
});
