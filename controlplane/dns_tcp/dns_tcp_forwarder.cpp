#include "controlplane/dns_tcp/dns_tcp_forwarder.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "controlplane/dns_tcp/asio_address.h"

namespace vipgate {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct DnsTcpForwarder::Question {
  Question(asio::io_context& context, DnsForwardedQuery asked, Done when_done)
      : query(std::move(asked)), done(std::move(when_done)), socket(context), timer(context) {}
  DnsForwardedQuery query;
  Done done;
  std::vector<DnsResolver> resolvers;  // that are left
  std::chrono::nanoseconds share{};    // of the time, for each of them
  tcp::socket socket;
  asio::steady_timer timer;
  uint16_t id = 0;
  uint32_t attempt = 0;  // what belongs to an earlier one counts no longer
  std::vector<uint8_t> out;
  std::array<uint8_t, 2> length{};
  std::vector<uint8_t> in;
};

void DnsTcpForwarder::ask(DnsForwardedQuery query, Done done) {
  if (questions_ >= kMostQuestions) {
    ++refused_;
    return done(query.failure(DnsRcode::kRefused));
  }
  ++questions_;
  const auto question = std::make_shared<Question>(context_, std::move(query), std::move(done));
  if (forwarding_.is_on) {
    for (const DnsResolver& resolver : forwarding_.resolvers(question->query.name())) {
      if (question->resolvers.size() == forwarding_.attempts) break;
      if (!resolver.is_left_out) question->resolvers.push_back(resolver);
    }
    const size_t count = question->resolvers.size();
    // The next one is at the end.
    std::reverse(question->resolvers.begin(), question->resolvers.end());
    if (count != 0) question->share = std::chrono::nanoseconds(forwarding_.timeout_ns / count);
  }
  ask_next(question);
}

// Another resolver, or none is left.
void DnsTcpForwarder::ask_next(const Held& question) {
  error_code ignored;
  question->socket.close(ignored);
  if (question->resolvers.empty()) {
    ++failed_;
    return finish(question, question->query.failure(DnsRcode::kServFail));
  }
  const DnsResolver resolver = question->resolvers.back();
  question->resolvers.pop_back();
  ++asked_;
  const uint32_t attempt = ++question->attempt;
  question->id = static_cast<uint16_t>(ids_());
  question->out = question->query.question(question->id);
  question->timer.expires_after(question->share);
  question->timer.async_wait([this, question, attempt](const error_code& code) {
    if (!code && attempt == question->attempt) ask_next(question);
  });
  const tcp::endpoint to(to_asio(resolver.address), resolver.port);
  question->socket.async_connect(to, [this, question, attempt](const error_code& code) {
    if (attempt != question->attempt) return;
    code ? ask_next(question) : send(question);
  });
}

void DnsTcpForwarder::send(const Held& question) {
  asio::async_write(question->socket, asio::buffer(question->out),
                    [this, question, attempt = question->attempt](const error_code& code, size_t) {
                      if (attempt != question->attempt) return;
                      code ? ask_next(question) : read(question);
                    });
}

void DnsTcpForwarder::read(const Held& question) {
  const auto on_message = [this, question, attempt = question->attempt](const error_code& code,
                                                                        size_t) {
    if (attempt != question->attempt) return;
    if (code) return ask_next(question);
    const auto reply = question->query.reply(question->in, question->id);
    reply ? finish(question, *reply) : ask_next(question);
  };
  const auto on_length = [this, question, attempt = question->attempt, on_message](
                             const error_code& code, size_t) {
    if (attempt != question->attempt) return;
    if (code) return ask_next(question);
    question->in.resize(size_t{question->length[0]} << 8 | question->length[1]);
    asio::async_read(question->socket, asio::buffer(question->in), on_message);
  };
  asio::async_read(question->socket, asio::buffer(question->length), on_length);
}

void DnsTcpForwarder::finish(const Held& question, std::span<const uint8_t> reply) {
  ++question->attempt;
  error_code ignored;
  question->timer.cancel();
  question->socket.close(ignored);
  --questions_;
  question->done(reply);
}

}  // namespace vipgate
