// From C++17: containers in, exceptions out, threads at once.
#include <boxgrad.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

void check(boxgrad_status status) {
    if (status != BOXGRAD_OK) throw std::runtime_error(std::string(boxgrad_status_string(status)) + ": " + boxgrad_last_error());
}

std::vector<double> giou(const std::vector<double> &a, const std::vector<double> &b) {
    std::vector<double> out(a.size() / 4 * (b.size() / 4));
    check(boxgrad_iou_pairwise_f64(BOXGRAD_GIOU, a.data(), a.size() / 4, 4, b.data(), b.size() / 4, 4, 0, out.data(),
                                   static_cast<ptrdiff_t>(b.size() / 4), nullptr));
    return out;
}

} // namespace

int main() {
    const std::vector<double> a{0, 0, 10, 10}, b{0, 0, 10, 10, 20, 20, 30, 30, 10, 0, 20, 10};
    const std::vector<double> wanted{1, -7.0 / 9, 0};
    std::vector<std::vector<double>> results(8);
    std::vector<std::thread> threads;
    for (auto &result : results) threads.emplace_back([&] { result = giou(a, b); });
    for (auto &thread : threads) thread.join();
    for (const auto &result : results) {
        for (std::size_t k = 0; k < wanted.size(); k++) {
            if (std::abs(result[k] - wanted[k]) > 1e-15) return std::printf("GIoU %zu is %.17g, not %.17g\n", k, result[k], wanted[k]), 1;
        }
    }
    try {
        boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
        options.stds[2] = 0;
        std::array<float, 4> deltas{};
        check(boxgrad_delta_encode_f32(&options, nullptr, 0, nullptr, 0, 0, deltas.data(), nullptr, nullptr));
    } catch (const std::runtime_error &error) {
        return std::string(error.what()).find("stds") == std::string::npos;
    }
    return std::puts("a standard deviation of 0 was accepted"), 1;
}
