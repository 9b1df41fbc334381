// A text whose copies share its octets.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace vipgate {

// An id of a cluster: each task's stands in a dozen places, and the ids of its agent and framework
// in very many tasks. A copy allocates nothing, a hash is computed once, and copies are found equal
// without a look at their octets. Never changes; threads may share it.
class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string_view text) {  // NOLINT(google-explicit-constructor): as std::string
    if (!text.empty()) octets_ = make(text);
  }
  SharedText(const std::string& text)  // NOLINT(google-explicit-constructor)
      : SharedText(std::string_view(text)) {}
  SharedText(const char* text)  // NOLINT(google-explicit-constructor)
      : SharedText(std::string_view(text)) {}
  SharedText(const SharedText& other) : octets_(other.octets_) {
    if (octets_ != nullptr) octets_->users.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : octets_(std::exchange(other.octets_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(octets_, other.octets_);
    return *this;
  }
  ~SharedText() {
    if (octets_ == nullptr) return;
    if (octets_->users.fetch_sub(1, std::memory_order_acq_rel) == 1) ::operator delete(octets_);
  }

  [[nodiscard]] std::string_view view() const {
    if (octets_ == nullptr) return {};
    return {reinterpret_cast<const char*>(octets_ + 1), octets_->size};
  }
  operator std::string_view() const { return view(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string str() const { return std::string(view()); }
  [[nodiscard]] bool empty() const { return octets_ == nullptr; }
  [[nodiscard]] size_t hash() const { return octets_ == nullptr ? 0 : octets_->hash; }

  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.octets_ == b.octets_ || (a.hash() == b.hash() && a.view() == b.view());
  }
  friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) {
    if (a.octets_ == b.octets_) return std::strong_ordering::equal;
    return a.view() <=> b.view();
  }
  friend std::string operator+(std::string text, const SharedText& more) {
    return std::move(text.append(more.view()));
  }
  friend std::ostream& operator<<(std::ostream& out, const SharedText& text) {
    return out << text.view();
  }

 private:
  // The text's octets follow.
  struct Octets {
    std::atomic<uint32_t> users;
    uint32_t size;
    size_t hash;
  };
  static Octets* make(std::string_view text) {
    auto* octets = new (::operator new(sizeof(Octets) + text.size()))
        Octets{1, static_cast<uint32_t>(text.size()), std::hash<std::string_view>{}(text)};
    std::memcpy(static_cast<void*>(octets + 1), text.data(), text.size());
    return octets;
  }

  Octets* octets_ = nullptr;
};

}  // namespace vipgate

// Not noexcept, so that maps keep the hash beside the key instead of asking the key again.
template <>
struct std::hash<vipgate::SharedText> {
  size_t operator()(const vipgate::SharedText& text) const { return text.hash(); }
};
